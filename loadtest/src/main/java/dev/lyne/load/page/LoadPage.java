package dev.lyne.load.page;

import dev.lyne.load.result.Histograms;
import dev.lyne.load.result.LoadResult;
import dev.lyne.load.result.StepResult;
import dev.lyne.student.page.Block;
import dev.lyne.student.page.Block.Fact;
import dev.lyne.student.page.Block.Facts;
import dev.lyne.student.page.Block.Paragraph;
import dev.lyne.student.page.Block.Table;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Chart.Axis;
import dev.lyne.student.page.Chart.Line;
import dev.lyne.student.page.Chart.Point;
import dev.lyne.student.page.Chart.Style;
import dev.lyne.student.page.Figures;
import dev.lyne.student.page.Page;
import dev.lyne.student.page.Page.Card;
import dev.lyne.student.page.Page.Section;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/** {@code report.html} of a load run: what was reached, latency over throughput, and every figure. */
public final class LoadPage {
    private static final List<String> PERCENTILES = List.of("p50", "p90", "p99", "p99.9");

    private final LoadResult result;
    private final boolean open;

    private LoadPage(LoadResult result) {
        this.result = result;
        this.open = result.steps().get(0).offeredPerSecond() > 0;
    }

    /** The page of a run. */
    public static Page of(LoadResult result) {
        return new LoadPage(result).page();
    }

    private Page page() {
        return new Page("Load test", lead(), cards(), List.of(curves(), steps(), overTime(), server(), profile()));
    }

    private String lead() {
        String servers = result.profile().getOrDefault("teacher", "unknown").replace(",", ", ");
        return "Server " + servers
                + (result.teacher().isEmpty() ? "" : "; teacher " + shortened(result.teacher()))
                + ". "
                + (open
                        ? "Open loop: sequences come when they are due, answered or not, and latency counts from then. "
                        : "Closed loop: every student keeps sequences in flight and asks for the next when one is answered. ")
                + "Begun " + result.startedAt() + ", " + result.processes()
                + (result.processes() == 1 ? " process." : " processes.");
    }

    /** A digest in a sentence is cut to the twelve characters that people compare. */
    private static String shortened(String teacher) {
        return teacher.replaceAll("([0-9a-f]{12})[0-9a-f]{20,}", "$1");
    }

    private List<Card> cards() {
        StepResult best = result.best();
        return List.of(
                new Card(
                        "Positions a second",
                        Figures.count(best.answered().positionsPerSecond()),
                        "best step: " + best.label()),
                new Card(
                        "Bytes a second",
                        Figures.count(best.answered().bytesPerSecond()),
                        "at " + Figures.decimal(best.answered().bytesPerPosition(), 1) + " bytes a position"),
                new Card(
                        "Latency, p50 and p99, ms",
                        millis(best, "p50") + " / " + millis(best, "p99"),
                        "a sequence, from when it was due, best step"),
                new Card(
                        "Not computed afresh",
                        Figures.percent(best.answered().hitRatio()),
                        "share of positions from a cache or joined"),
                new Card(
                        "Saturation",
                        result.saturatedAt().isEmpty() ? "not found" : "found",
                        (result.saturatedAt().isEmpty()
                                        ? "only --ramp looks for it; "
                                        : "at " + result.saturatedAt() + ", ")
                                + result.steps().size()
                                + (result.steps().size() == 1 ? " step" : " steps")));
    }

    private static String millis(StepResult step, String percentile) {
        double millis = step.timing().latencyMillis().getOrDefault(percentile, 0.0);
        return Figures.decimal(millis, millis < 100 ? 1 : 0);
    }

    private Section curves() {
        if (result.steps().size() < 2) {
            return new Section("Latency and throughput", "", List.of());
        }
        List<Line> latency = new ArrayList<>();
        for (int i = 0; i < PERCENTILES.size(); i++) {
            String percentile = PERCENTILES.get(i);
            latency.add(line(
                    percentile,
                    i,
                    Style.STRONG,
                    step -> step.answered().positionsPerSecond(),
                    step -> step.timing().latencyMillis().getOrDefault(percentile, Double.NaN)));
        }
        List<Line> rate = new ArrayList<>();
        if (open) {
            rate.add(line(
                    "answered",
                    0,
                    Style.STRONG,
                    StepResult::offeredPerSecond,
                    step -> step.answered().sequencesPerSecond()));
            rate.add(line(
                    "as many as offered", 1, Style.LEVEL, StepResult::offeredPerSecond, StepResult::offeredPerSecond));
        } else {
            rate.add(line(
                    "answered",
                    0,
                    Style.STRONG,
                    StepResult::students,
                    step -> step.answered().positionsPerSecond()));
        }
        return new Section(
                "Latency and throughput",
                "Each mark is a step. Latency of a sequence in milliseconds, over the positions a second that were answered.",
                List.of(
                        new Chart(
                                "latency",
                                "Latency over throughput",
                                Axis.fromZero("positions a second"),
                                Axis.fromZero("milliseconds"),
                                latency),
                        new Chart(
                                "rate",
                                open ? "Answered against offered" : "Throughput over students",
                                open ? Axis.fromZero("sequences offered a second") : Axis.counting("students"),
                                Axis.fromZero(open ? "sequences a second" : "positions a second"),
                                rate)));
    }

    private Line line(
            String name, int color, Style style, ToDoubleFunction<StepResult> x, ToDoubleFunction<StepResult> y) {
        return Line.of(
                name,
                color,
                style,
                result.steps().stream()
                        .map(step -> new Point(x.applyAsDouble(step), y.applyAsDouble(step)))
                        .toList());
    }

    private Section steps() {
        List<Block> blocks = new ArrayList<>();
        blocks.add(new Table(
                "",
                List.of(
                        "step",
                        "offered/s",
                        "answered/s",
                        "positions/s",
                        "MB/s",
                        "bytes/position",
                        "hits",
                        "failed",
                        "unanswered"),
                result.steps().stream().map(LoadPage::work).toList()));
        blocks.add(new Table(
                "",
                List.of("step", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms", "lag p99 ms", "generator CPU s"),
                result.steps().stream().map(LoadPage::latency).toList()));
        blocks.addAll(refusals());
        return new Section(
                "Steps",
                "Latencies count from when a sequence was due; sequences that were never answered count with their age, the"
                        + " least that it can be. Lag is the generator's own: how late it noticed that a sequence was due.",
                blocks);
    }

    private List<Block> refusals() {
        Map<String, Long> counts = new TreeMap<>();
        Map<String, String> messages = new TreeMap<>();
        for (StepResult step : result.steps()) {
            step.interruptions().refusals().forEach((why, n) -> counts.merge(why, n, Long::sum));
            step.interruptions().refusalMessages().forEach(messages::putIfAbsent);
        }
        if (counts.isEmpty()) {
            return List.of();
        }
        List<List<String>> rows = new ArrayList<>();
        counts.forEach((why, n) -> rows.add(List.of(why, Figures.count(n), messages.getOrDefault(why, "—"))));
        return List.of(
                new Paragraph(
                        "Refusals, those included that were answered when asked again, with the server's own words for"
                                + " the first of each reason:"),
                new Table("", List.of("reason", "times", "the server's words"), rows));
    }

    private static List<String> work(StepResult step) {
        return List.of(
                step.label(),
                step.offeredPerSecond() == 0 ? "—" : Figures.decimal(step.offeredPerSecond(), 1),
                Figures.decimal(step.answered().sequencesPerSecond(), 1),
                Figures.decimal(step.answered().positionsPerSecond(), 0),
                Figures.decimal(step.answered().bytesPerSecond() / 1e6, 2),
                Figures.decimal(step.answered().bytesPerPosition(), 1),
                Figures.percent(step.answered().hitRatio()),
                Long.toString(step.counts().failed()),
                Long.toString(step.counts().unanswered()));
    }

    private static List<String> latency(StepResult step) {
        List<String> cells = new ArrayList<>(List.of(step.label()));
        for (String name : List.of("p50", "p90", "p99", "p99.9", "max")) {
            cells.add(Figures.decimal(step.timing().latencyMillis().getOrDefault(name, 0.0), 2));
        }
        cells.add(
                step.offeredPerSecond() == 0
                        ? "—"
                        : Figures.decimal(step.timing().lagMillis().getOrDefault("p99", 0.0), 2));
        cells.add(Figures.decimal(step.generatorCpuSeconds(), 2));
        return cells;
    }

    private Section overTime() {
        List<Line> rate = new ArrayList<>();
        List<Line> latency = new ArrayList<>();
        double at = 0;
        int number = 0;
        for (StepResult step : result.steps()) {
            List<Point> rates = new ArrayList<>();
            List<Point> medians = new ArrayList<>();
            List<Point> tails = new ArrayList<>();
            for (StepResult.IntervalResult interval : step.intervals()) {
                at += interval.seconds();
                rates.add(new Point(at, interval.positions() / interval.seconds()));
                Histogram micros = Histograms.read(interval.latencyHistogram());
                if (micros.getTotalCount() > 0) {
                    medians.add(new Point(at, micros.getValueAtPercentile(50) / 1e3));
                    tails.add(new Point(at, micros.getValueAtPercentile(99) / 1e3));
                }
            }
            rate.add(Line.of(step.label(), number, Style.STRONG, rates));
            latency.add(Line.of(step.label() + ", p99", number, Style.STRONG, tails));
            latency.add(Line.of(step.label() + ", p50", number, Style.FAINT, medians));
            number++;
        }
        return new Section(
                "Over time",
                "Second by second, the steps one after the other.",
                List.of(
                        new Chart(
                                "throughput-over-time",
                                "Throughput",
                                Axis.fromZero("counted seconds"),
                                Axis.fromZero("positions a second"),
                                rate),
                        new Chart(
                                "latency-over-time",
                                "Latency of what was due, p99 (faint: p50)",
                                Axis.fromZero("counted seconds"),
                                Axis.fromZero("milliseconds"),
                                latency)));
    }

    private Section server() {
        List<StepResult> read =
                result.steps().stream().filter(step -> !step.server().isEmpty()).toList();
        if (read.isEmpty()) {
            return new Section("The server meanwhile", "", List.of());
        }
        List<String> head = new ArrayList<>(List.of("series"));
        read.forEach(step -> head.add(step.label()));
        Map<String, List<String>> rows = new TreeMap<>();
        read.forEach(step -> step.server().keySet().forEach(series -> rows.put(series, new ArrayList<>())));
        rows.forEach((series, cells) -> {
            cells.add(series);
            read.forEach(step -> {
                Double value = step.server().get(series);
                cells.add(value == null ? "—" : Figures.decimal(value, value == Math.rint(value) ? 0 : 3));
            });
        });
        return new Section(
                "The server meanwhile",
                "",
                List.of(new Table(
                        "Its metrics: differences of counters, means of gauges", head, List.copyOf(rows.values()))));
    }

    private Section profile() {
        List<Fact> facts = new ArrayList<>();
        if (!result.teacher().isEmpty()) {
            facts.add(new Fact("served by", result.teacher()));
        }
        result.profile().forEach((name, value) -> facts.add(new Fact(name, value)));
        return new Section("What was asked for", "", List.of(new Facts(facts)));
    }
}
