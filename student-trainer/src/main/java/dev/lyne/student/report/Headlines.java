package dev.lyne.student.report;

import dev.lyne.student.page.Figures;
import dev.lyne.student.page.Page.Card;
import dev.lyne.student.report.ReportData.HeldOutPoint;
import dev.lyne.student.report.ReportData.Run;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The figures that a report leads with. */
final class Headlines {
    private Headlines() {}

    static List<Card> of(List<Run> runs) {
        List<Card> headlines = new ArrayList<>();
        Run first = runs.get(0);
        Optional<Double> own = last(first);
        own.ifPresent(nll -> headlines.add(new Card(
                "Held-out loss",
                Figures.decimal(nll, 3),
                "nats a token, perplexity " + Figures.decimal(Math.exp(nll), 1) + named(runs, first))));
        if (runs.size() > 1 && own.isPresent() && last(runs.get(1)).isPresent()) {
            double other = last(runs.get(1)).orElseThrow();
            double gain = other - own.get();
            headlines.add(new Card(
                    "Against " + runs.get(1).name(),
                    (gain >= 0 ? "−" : "+") + Figures.decimal(Math.abs(gain), 3),
                    "nats a token; " + runs.get(1).name() + " ends at " + Figures.decimal(other, 3)));
        }
        headlines.add(new Card(
                "Throughput", Figures.count(first.positionsPerSecond()), "positions a second" + named(runs, first)));
        if (first.coverage().isPresent()) {
            headlines.add(new Card(
                    "Waiting for the teacher", Figures.percent(first.stallFraction()), "of the training time"));
            headlines.add(new Card(
                    "Coverage",
                    Figures.decimal(first.coverage().getAsDouble(), 4),
                    "targets used over targets needed"));
        }
        return headlines;
    }

    private static String named(List<Run> runs, Run run) {
        return runs.size() > 1 ? ", " + run.name() : "";
    }

    private static Optional<Double> last(Run run) {
        List<HeldOutPoint> points = run.heldOut();
        return points.isEmpty()
                ? Optional.empty()
                : Optional.of(points.get(points.size() - 1).nll());
    }
}
