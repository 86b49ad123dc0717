package dev.lyne.load.page;

import dev.lyne.load.bench.Growth;
import dev.lyne.load.bench.Growth.Point;
import dev.lyne.load.bench.Growth.Sweep;
import dev.lyne.student.page.Block;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Chart.Axis;
import dev.lyne.student.page.Chart.Line;
import dev.lyne.student.page.Chart.Style;
import dev.lyne.student.page.Figures;
import dev.lyne.student.page.Page;
import dev.lyne.student.page.Page.Card;
import dev.lyne.student.page.Page.Section;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** {@code report.html} of a growth benchmark: a chart and a table for each thing that grows, with what bounds it. */
public final class GrowthPage {
    private GrowthPage() {}

    /** The page. */
    public static Page of(Growth growth) {
        String lead = "Positions a second as one thing grows and all else stays, on " + growth.device() + " with "
                + growth.threads() + (growth.threads() == 1 ? " thread" : " threads")
                + ". Each sweep stands beside the limit that bounds it; a limit takes over where half of it is reached.";
        List<Card> cards = new ArrayList<>();
        cards.add(new Card(
                "Best product", Figures.decimal(growth.bestProductGflops(), 0), "10⁹ operations a second, float32"));
        growth.results().forEach(sweep -> cards.add(card(sweep)));
        return new Page(
                "Growth",
                lead,
                cards,
                growth.results().stream().map(GrowthPage::section).toList());
    }

    private static Card card(Sweep sweep) {
        Point last = sweep.points().get(sweep.points().size() - 1);
        return new Card(
                title(sweep), Figures.decimal(last.shareOfLimit(), 2), "of " + sweep.limit() + ", at " + last.label());
    }

    private static String title(Sweep sweep) {
        return sweep.name().substring(0, 1).toUpperCase(Locale.ROOT)
                + sweep.name().substring(1);
    }

    private static Section section(Sweep sweep) {
        String over = sweep.limitTakesOverAt();
        String note = "The limit is " + sweep.limit() + ". "
                + (over.isEmpty() ? "Nowhere is half of it reached." : "It takes over at " + over + ".");
        List<String> labels = sweep.points().stream().map(Point::label).toList();
        List<Block> blocks = new ArrayList<>();
        blocks.add(new Chart(
                sweep.name() + "-rate",
                "Positions a second",
                Axis.naming(sweep.axis(), labels),
                Axis.fromZero("positions a second"),
                List.of(
                        line("measured", 0, Style.STRONG, sweep, Point::positionsPerSecond),
                        line("limit", 1, Style.LEVEL, sweep, Point::limitPositionsPerSecond))));
        blocks.add(new Chart(
                sweep.name() + "-share",
                "Share of the limit",
                Axis.naming(sweep.axis(), labels),
                Axis.fromZero("share"),
                List.of(line("share of the limit", 2, Style.STRONG, sweep, Point::shareOfLimit))));
        blocks.add(new Block.Table(
                "",
                List.of(sweep.axis(), "positions/s", "limit, positions/s", "share"),
                sweep.points().stream()
                        .map(point -> List.of(
                                point.label(),
                                Figures.count(point.positionsPerSecond()),
                                Figures.count(point.limitPositionsPerSecond()),
                                Figures.decimal(point.shareOfLimit(), 2)))
                        .toList()));
        return new Section(title(sweep), note, blocks);
    }

    private static Line line(String name, int color, Style style, Sweep sweep, ToDoubleFunction<Point> y) {
        List<Point> points = sweep.points();
        return Line.of(
                name,
                color,
                style,
                IntStream.range(0, points.size())
                        .mapToObj(i -> new Chart.Point(i, y.applyAsDouble(points.get(i))))
                        .toList());
    }
}
