package dev.lyne.student.report;

import dev.lyne.student.report.ReportData.Headline;
import dev.lyne.student.report.ReportData.HeldOutPoint;
import dev.lyne.student.report.ReportData.Run;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Figures to lead with, where none are given. */
final class Headlines {
    private Headlines() {}

    static List<Headline> of(List<Run> runs) {
        List<Headline> headlines = new ArrayList<>();
        Run first = runs.get(0);
        Optional<Double> own = last(first);
        own.ifPresent(nll -> headlines.add(new Headline(
                "Held-out loss",
                Html.decimal(nll, 3),
                "nats a token, perplexity " + Html.decimal(Math.exp(nll), 1) + named(runs, first))));
        if (runs.size() > 1 && own.isPresent() && last(runs.get(1)).isPresent()) {
            double other = last(runs.get(1)).orElseThrow();
            double gain = other - own.get();
            headlines.add(new Headline(
                    "Against " + runs.get(1).name(),
                    (gain >= 0 ? "−" : "+") + Html.decimal(Math.abs(gain), 3),
                    "nats a token; " + runs.get(1).name() + " ends at " + Html.decimal(other, 3)));
        }
        headlines.add(new Headline(
                "Throughput", Html.count(first.positionsPerSecond()), "positions a second" + named(runs, first)));
        if (first.coverage().isPresent()) {
            headlines.add(new Headline(
                    "Waiting for the teacher", Html.percent(first.stallFraction()), "of the training time"));
            headlines.add(new Headline(
                    "Coverage", Html.decimal(first.coverage().getAsDouble(), 4), "targets used over targets needed"));
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
