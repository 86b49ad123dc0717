package dev.lyne.load.page;

import dev.lyne.load.result.Histograms;
import dev.lyne.load.result.LoadResult;
import dev.lyne.load.result.StepResult;
import dev.lyne.student.report.Html;
import dev.lyne.student.report.LineChart;
import dev.lyne.student.report.ReportPage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;

/** {@code report.html} of a load run: what was reached, latency over throughput, and every figure. */
public final class LoadPage {
    private static final int COLORS = 6;
    private static final String STYLE = ".scroll th, .scroll td { white-space: nowrap; overflow-wrap: normal; }\n"
            + ".scroll + .scroll { margin-top: 1.4rem; }\n"
            + ".scroll + p { margin-top: 1.4rem; }\n"
            + ".words td:last-child { white-space: normal; overflow-wrap: anywhere; }\n"
            + "@media (max-width: 640px) {\n"
            + "  .words table { font-size: .8rem; }\n"
            + "  .words .scroll tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 9.5rem; }\n"
            + "}\n";
    private static final String[] PERCENTILES = {"p50", "p90", "p99", "p99.9"};

    private final LoadResult result;
    private final StringBuilder out = new StringBuilder();

    private LoadPage(LoadResult result) {
        this.result = result;
    }

    /** The page as HTML. */
    public static String render(LoadResult result) {
        return new LoadPage(result).render();
    }

    private String render() {
        out.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
                .append("<meta name=\"color-scheme\" content=\"light dark\">\n<title>Load test</title>\n<style>\n")
                .append(ReportPage.styleSheet())
                .append(STYLE)
                .append("</style>\n</head>\n<body>\n<main>\n");
        header();
        if (result.steps().size() > 1) {
            curves();
        }
        steps();
        overTime();
        server();
        profile();
        return out.append("</main>\n</body>\n</html>\n").toString();
    }

    private void header() {
        StepResult best = result.best();
        out.append("<header>\n<h1>Load test</h1>\n<p class=\"lead\">")
                .append(Html.escape(subtitle()))
                .append("</p>\n<ul class=\"cards\">\n");
        card("Positions a second", Html.count(best.positionsPerSecond()), "best step: " + best.label());
        card(
                "Bytes a second",
                Html.count(best.bytesPerSecond()),
                "at " + Html.decimal(best.bytesPerPosition(), 1) + " bytes a position");
        card(
                "Latency, p50 and p99, ms",
                millis(best, "p50") + " / " + millis(best, "p99"),
                "a sequence, from when it was due, best step");
        card("Not computed afresh", Html.percent(best.hitRatio()), "share of positions from a cache or joined");
        card(
                "Saturation",
                result.saturatedAt().isEmpty() ? "not found" : "found",
                (result.saturatedAt().isEmpty() ? "only --ramp looks for it; " : "at " + result.saturatedAt() + ", ")
                        + result.steps().size()
                        + (result.steps().size() == 1 ? " step" : " steps"));
        out.append("</ul>\n</header>\n");
    }

    private static String millis(StepResult step, String percentile) {
        double millis = step.latencyMillis().getOrDefault(percentile, 0.0);
        return Html.decimal(millis, millis < 100 ? 1 : 0);
    }

    private String subtitle() {
        boolean open = result.steps().get(0).offeredPerSecond() > 0;
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

    private void card(String what, String value, String note) {
        out.append("<li><span class=\"what\">%s</span><strong>%s</strong><span class=\"note\">%s</span></li>\n"
                .formatted(Html.escape(what), Html.escape(value), Html.escape(note)));
    }

    private void curves() {
        out.append("<section>\n<h2>Latency and throughput</h2>\n<p>Each mark is a step. Latency of a sequence in ")
                .append("milliseconds, over the positions a second that were answered.</p>\n");
        List<String> names = new ArrayList<>(List.of(PERCENTILES));
        legend(names);
        out.append("<div class=\"charts\">\n");
        LineChart latency = new LineChart("Latency over throughput", "positions a second", "milliseconds").fromZero();
        for (int i = 0; i < PERCENTILES.length; i++) {
            String percentile = PERCENTILES[i];
            latency.add(new LineChart.Series(
                    percentile,
                    i,
                    false,
                    result.steps().stream()
                            .map(step -> new LineChart.Point(
                                    step.positionsPerSecond(),
                                    step.latencyMillis().getOrDefault(percentile, Double.NaN)))
                            .toList()));
        }
        chart(latency);
        boolean open = result.steps().get(0).offeredPerSecond() > 0;
        LineChart rate = new LineChart(
                        open ? "Answered against offered (faint: as many as offered)" : "Throughput over students",
                        open ? "sequences offered a second" : "students",
                        open ? "sequences a second" : "positions a second")
                .fromZero();
        if (!open) {
            rate.wholeX();
        }
        rate.add(new LineChart.Series(
                "answered",
                0,
                false,
                result.steps().stream()
                        .map(step -> new LineChart.Point(
                                open ? step.offeredPerSecond() : step.students(),
                                open ? step.sequencesPerSecond() : step.positionsPerSecond()))
                        .toList()));
        if (open) {
            rate.add(new LineChart.Series(
                    "offered",
                    1,
                    true,
                    result.steps().stream()
                            .map(step -> new LineChart.Point(step.offeredPerSecond(), step.offeredPerSecond()))
                            .toList()));
        }
        chart(rate);
        out.append("</div>\n</section>\n");
    }

    private void legend(List<String> names) {
        out.append("<ul class=\"legend\">");
        for (int i = 0; i < names.size(); i++) {
            out.append("<li><svg viewBox=\"0 0 28 10\" aria-hidden=\"true\"><path class=\"line c%d\" d=\"M1 5L27 5\"/>"
                            .formatted(i % COLORS))
                    .append("<circle class=\"mark c%d\" cx=\"14\" cy=\"5\" r=\"3\"/></svg>%s</li>"
                            .formatted(i % COLORS, Html.escape(names.get(i))));
        }
        out.append("</ul>\n");
    }

    private void chart(LineChart chart) {
        if (!chart.isEmpty()) {
            out.append(chart.render());
        }
    }

    private void steps() {
        out.append(
                        "<section>\n<h2>Steps</h2>\n<p>Latencies count from when a sequence was due; sequences that were never ")
                .append(
                        "answered count with their age, the least that it can be. Lag is the generator's own: how late it ")
                .append("noticed that a sequence was due.</p>\n");
        table(
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
                result.steps().stream().map(LoadPage::work).toList());
        table(
                List.of("step", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms", "lag p99 ms", "generator CPU s"),
                result.steps().stream().map(LoadPage::latency).toList());
        refusals();
        out.append("</section>\n");
    }

    private void refusals() {
        Map<String, Long> counts = new TreeMap<>();
        Map<String, String> messages = new TreeMap<>();
        for (StepResult step : result.steps()) {
            step.refusals().forEach((why, n) -> counts.merge(why, n, Long::sum));
            step.refusalMessages().forEach(messages::putIfAbsent);
        }
        if (counts.isEmpty()) {
            return;
        }
        out.append(
                "<p>Refusals, those included that were answered when asked again, with the server's own words for the first "
                        + "of each reason:</p>\n");
        List<List<String>> rows = new ArrayList<>();
        counts.forEach((why, n) -> rows.add(List.of(why, Html.count(n), messages.getOrDefault(why, "—"))));
        out.append("<div class=\"words\">\n");
        table(List.of("reason", "times", "the server's words"), rows);
        out.append("</div>\n");
    }

    private static List<String> work(StepResult step) {
        return List.of(
                step.label(),
                step.offeredPerSecond() == 0 ? "—" : Html.decimal(step.offeredPerSecond(), 1),
                Html.decimal(step.sequencesPerSecond(), 1),
                Html.decimal(step.positionsPerSecond(), 0),
                Html.decimal(step.bytesPerSecond() / 1e6, 2),
                Html.decimal(step.bytesPerPosition(), 1),
                Html.percent(step.hitRatio()),
                Long.toString(step.failed()),
                Long.toString(step.unanswered()));
    }

    private static List<String> latency(StepResult step) {
        List<String> cells = new ArrayList<>(List.of(step.label()));
        for (String name : List.of("p50", "p90", "p99", "p99.9", "max")) {
            cells.add(Html.decimal(step.latencyMillis().getOrDefault(name, 0.0), 2));
        }
        cells.add(
                step.offeredPerSecond() == 0
                        ? "—"
                        : Html.decimal(step.lagMillis().getOrDefault("p99", 0.0), 2));
        cells.add(Html.decimal(step.generatorCpuSeconds(), 2));
        return cells;
    }

    private void overTime() {
        out.append("<section>\n<h2>Over time</h2>\n<p>Second by second, the steps one after the other.</p>\n");
        legend(result.steps().stream().map(StepResult::label).toList());
        out.append("<div class=\"charts\">\n");
        LineChart rate = new LineChart("Throughput", "counted seconds", "positions a second").fromZero();
        LineChart latency = new LineChart(
                        "Latency of what was due, p99 (faint: p50)", "counted seconds", "milliseconds")
                .fromZero();
        double at = 0;
        int number = 0;
        for (StepResult step : result.steps()) {
            List<LineChart.Point> rates = new ArrayList<>();
            List<LineChart.Point> medians = new ArrayList<>();
            List<LineChart.Point> tails = new ArrayList<>();
            for (StepResult.IntervalResult interval : step.intervals()) {
                at += interval.seconds();
                rates.add(new LineChart.Point(at, interval.positions() / interval.seconds()));
                Histogram micros = Histograms.read(interval.latencyHistogram());
                if (micros.getTotalCount() > 0) {
                    medians.add(new LineChart.Point(at, micros.getValueAtPercentile(50) / 1e3));
                    tails.add(new LineChart.Point(at, micros.getValueAtPercentile(99) / 1e3));
                }
            }
            rate.add(new LineChart.Series(step.label(), number % COLORS, false, rates));
            latency.add(new LineChart.Series(step.label() + ", p50", number % COLORS, true, medians));
            latency.add(new LineChart.Series(step.label() + ", p99", number % COLORS, false, tails));
            number++;
        }
        chart(rate);
        chart(latency);
        out.append("</div>\n</section>\n");
    }

    private void server() {
        List<StepResult> read =
                result.steps().stream().filter(step -> !step.server().isEmpty()).toList();
        if (read.isEmpty()) {
            return;
        }
        out.append(
                        "<section>\n<h2>The server meanwhile</h2>\n<details>\n<summary>Its metrics: differences of counters, ")
                .append("means of gauges</summary>\n");
        List<String> head = new ArrayList<>(List.of("series"));
        read.forEach(step -> head.add(step.label()));
        Map<String, List<String>> rows = new TreeMap<>();
        read.forEach(step -> step.server().keySet().forEach(series -> rows.put(series, new ArrayList<>())));
        rows.forEach((series, cells) -> {
            cells.add(series);
            read.forEach(step -> {
                Double value = step.server().get(series);
                cells.add(value == null ? "—" : Html.decimal(value, value == Math.rint(value) ? 0 : 3));
            });
        });
        table(head, List.copyOf(rows.values()));
        out.append("</details>\n</section>\n");
    }

    private void profile() {
        out.append("<section>\n<h2>What was asked for</h2>\n<dl class=\"facts\">\n");
        if (!result.teacher().isEmpty()) {
            out.append("<div><dt>served by</dt><dd>%s</dd></div>\n".formatted(Html.escape(result.teacher())));
        }
        result.profile()
                .forEach((name, value) -> out.append(
                        "<div><dt>%s</dt><dd>%s</dd></div>\n".formatted(Html.escape(name), Html.escape(value))));
        out.append("</dl>\n</section>\n");
    }

    private void table(List<String> head, List<List<String>> rows) {
        out.append("<div class=\"scroll\"><table><thead><tr>");
        head.forEach(name ->
                out.append("<th scope=\"col\">").append(Html.escape(name)).append("</th>"));
        out.append("</tr></thead><tbody>\n");
        for (List<String> row : rows) {
            out.append("<tr><th scope=\"row\">").append(Html.escape(row.get(0))).append("</th>");
            row.stream()
                    .skip(1)
                    .forEach(
                            cell -> out.append("<td>").append(Html.escape(cell)).append("</td>"));
            out.append("</tr>\n");
        }
        out.append("</tbody></table></div>\n");
    }
}
