package dev.lyne.student.report;

import dev.lyne.lm.files.AtomicFile;
import dev.lyne.student.report.ReportData.Continuation;
import dev.lyne.student.report.ReportData.Fact;
import dev.lyne.student.report.ReportData.FactTable;
import dev.lyne.student.report.ReportData.Headline;
import dev.lyne.student.report.ReportData.HeldOutPoint;
import dev.lyne.student.report.ReportData.Run;
import dev.lyne.student.report.ReportData.SampleSet;
import dev.lyne.student.report.ReportData.TrainingPoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/** {@code report.html}: one page with nothing outside it. */
public final class ReportPage {
    private static final int COLORS = 6;

    private final ReportData data;
    private final StringBuilder out = new StringBuilder();

    private ReportPage(ReportData data) {
        this.data = data;
    }

    /** Writes the page. */
    public static void write(ReportData data, Path file) throws IOException {
        AtomicFile.write(file, render(data).getBytes(StandardCharsets.UTF_8));
    }

    /** The page as HTML. */
    public static String render(ReportData data) {
        return new ReportPage(data).render();
    }

    private String render() {
        out.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
                .append("<meta name=\"color-scheme\" content=\"light dark\">\n<title>")
                .append(Html.escape(data.title()))
                .append("</title>\n<style>\n")
                .append(styleSheet())
                .append("</style>\n</head>\n<body>\n<main>\n");
        header();
        learning();
        schedules();
        time();
        data.tables().forEach(this::table);
        samples();
        settings();
        evaluations();
        return out.append("</main>\n</body>\n</html>\n").toString();
    }

    private void header() {
        out.append("<header>\n<h1>").append(Html.escape(data.title())).append("</h1>\n<p class=\"lead\">");
        out.append(Html.escape(data.subtitle())).append("</p>\n<ul class=\"cards\">\n");
        for (Headline headline : data.headlines().isEmpty() ? Headlines.of(data.runs()) : data.headlines()) {
            out.append("<li><span class=\"what\">%s</span><strong>%s</strong><span class=\"note\">%s</span></li>\n"
                    .formatted(
                            Html.escape(headline.label()),
                            Html.escape(headline.value()),
                            Html.escape(headline.note())));
        }
        out.append("</ul>\n</header>\n");
    }

    private void learning() {
        out.append("<section>\n<h2>Learning</h2>\n");
        out.append("<p>Negative log-likelihood in nats a token, lower is better. ")
                .append("Strong lines with marks: held-out text; faint lines: the training text.</p>\n");
        legend();
        out.append("<div class=\"charts three\">\n");
        chart(curves("Over optimiser steps", "step", TrainingPoint::step, HeldOutPoint::step, 0));
        chart(curves("Over training time", "seconds", TrainingPoint::seconds, HeldOutPoint::seconds, 0));
        long half = data.runs().stream().mapToLong(Run::steps).max().orElse(0) / 2;
        chart(heldOutFrom("Held-out text, second half", half));
        out.append("</div>\n</section>\n");
    }

    private void legend() {
        out.append("<ul class=\"legend\">");
        for (int i = 0; i < data.runs().size(); i++) {
            out.append("<li><svg viewBox=\"0 0 28 10\" aria-hidden=\"true\"><path class=\"line c%d\" d=\"M1 5L27 5\"/>"
                            .formatted(color(i)))
                    .append("<circle class=\"mark c%d\" cx=\"14\" cy=\"5\" r=\"3\"/></svg>%s <span>%s</span></li>"
                            .formatted(
                                    color(i),
                                    Html.escape(data.runs().get(i).name()),
                                    Html.escape(data.runs().get(i).method())));
        }
        out.append("</ul>\n");
    }

    private LineChart curves(
            String title,
            String xLabel,
            ToDoubleFunction<TrainingPoint> trainingX,
            ToDoubleFunction<HeldOutPoint> heldOutX,
            long fromStep) {
        LineChart chart = new LineChart(title, xLabel, "nats a token");
        for (int i = 0; i < data.runs().size(); i++) {
            Run run = data.runs().get(i);
            chart.add(new LineChart.Series(
                    run.name() + ", training text",
                    color(i),
                    true,
                    run.training().stream()
                            .filter(point -> point.step() >= fromStep)
                            .map(point -> new LineChart.Point(trainingX.applyAsDouble(point), point.nll()))
                            .toList()));
        }
        for (int i = 0; i < data.runs().size(); i++) {
            Run run = data.runs().get(i);
            chart.add(heldOut(run, color(i), heldOutX, fromStep));
        }
        return chart;
    }

    private LineChart heldOutFrom(String title, long fromStep) {
        LineChart chart = new LineChart(title, "step", "nats a token");
        for (int i = 0; i < data.runs().size(); i++) {
            if (data.runs().get(i).heldOut().stream()
                            .filter(p -> p.step() >= fromStep)
                            .count()
                    > 1) {
                chart.add(heldOut(data.runs().get(i), color(i), HeldOutPoint::step, fromStep));
            }
        }
        return chart;
    }

    private static LineChart.Series heldOut(Run run, int color, ToDoubleFunction<HeldOutPoint> x, long fromStep) {
        return new LineChart.Series(
                run.name() + ", held out",
                color,
                false,
                run.heldOut().stream()
                        .filter(point -> point.step() >= fromStep)
                        .map(point -> new LineChart.Point(x.applyAsDouble(point), point.nll()))
                        .toList());
    }

    private void chart(LineChart chart) {
        if (!chart.isEmpty()) {
            out.append(chart.render());
        }
    }

    /** A chart for each scheduled quantity that any run has; one that stands still is a level line. */
    private void schedules() {
        Set<String> names = new LinkedHashSet<>();
        data.runs()
                .forEach(run -> run.training()
                        .forEach(point -> names.addAll(point.scheduled().keySet())));
        if (names.isEmpty()) {
            return;
        }
        out.append("<section>\n<h2>Schedules</h2>\n<p>What each step was taken with.</p>\n")
                .append("<div class=\"charts three\">\n");
        for (String name : names) {
            LineChart chart = new LineChart(title(name), "step", title(name).toLowerCase(Locale.ROOT));
            for (int i = 0; i < data.runs().size(); i++) {
                Run run = data.runs().get(i);
                chart.add(new LineChart.Series(
                        run.name(),
                        color(i),
                        run.training().size() > 60,
                        run.training().stream()
                                .filter(point -> point.scheduled().containsKey(name))
                                .map(point -> new LineChart.Point(
                                        point.step(), point.scheduled().getOrDefault(name, 0.0)))
                                .toList()));
            }
            chart(chart);
        }
        out.append("</div>\n</section>\n");
    }

    /** A name for people: {@code learning_rate} as Learning rate. */
    private static String title(String name) {
        return Character.toUpperCase(name.charAt(0)) + name.substring(1).replace('_', ' ');
    }

    private void time() {
        out.append("<section>\n<h2>Time and targets</h2>\n<div class=\"charts\">\n");
        LineChart speed = new LineChart("Throughput", "step", "positions a second").fromZero();
        for (int i = 0; i < data.runs().size(); i++) {
            Run run = data.runs().get(i);
            speed.add(new LineChart.Series(
                    run.name(),
                    color(i),
                    run.training().size() > 60,
                    run.training().stream()
                            .map(point -> new LineChart.Point(point.step(), point.positionsPerSecond()))
                            .toList()));
        }
        chart(speed);
        out.append("<div class=\"bars\">\n");
        for (int i = 0; i < data.runs().size(); i++) {
            Run run = data.runs().get(i);
            new ShareBars(out).time(run, color(i));
        }
        out.append("</div>\n</div>\n</section>\n");
    }

    private void table(FactTable table) {
        out.append("<section>\n<h2>").append(Html.escape(table.title())).append("</h2>\n");
        if (!table.note().isEmpty()) {
            out.append("<p>").append(Html.escape(table.note())).append("</p>\n");
        }
        out.append("<dl class=\"facts\">\n");
        for (Fact fact : table.facts()) {
            out.append("<div><dt>%s</dt><dd>%s</dd></div>\n"
                    .formatted(Html.escape(fact.label()), Html.escape(fact.value())));
        }
        out.append("</dl>\n</section>\n");
    }

    private void samples() {
        if (data.samples().isEmpty()) {
            return;
        }
        out.append("<section>\n<h2>In their own words</h2>\n");
        out.append("<p>The same unseen beginnings, continued by each model.</p>\n");
        for (SampleSet set : data.samples()) {
            out.append("<article class=\"sample\">\n<blockquote>")
                    .append(Html.escape(set.prompt()))
                    .append(" …</blockquote>\n<div class=\"columns\">\n");
            for (Continuation continuation : set.continuations()) {
                out.append("<div><h3>%s</h3><p>%s</p></div>\n"
                        .formatted(Html.escape(continuation.model()), Html.escape(continuation.text())));
            }
            out.append("</div>\n</article>\n");
        }
        out.append("</section>\n");
    }

    private void settings() {
        Set<String> keys = new TreeSet<>();
        data.runs().forEach(run -> keys.addAll(run.settings().keySet()));
        if (keys.isEmpty()) {
            return;
        }
        out.append("<section>\n<h2>Settings</h2>\n<details>\n<summary>What the runs were started with</summary>\n");
        tableHead("setting", data.runs().stream().map(Run::name).toList());
        for (String key : keys) {
            List<String> values = data.runs().stream()
                    .map(run -> run.settings().getOrDefault(key, "—"))
                    .toList();
            boolean same = new LinkedHashSet<>(values).size() == 1;
            out.append(same ? "<tr>" : "<tr class=\"differs\">").append("<th scope=\"row\">");
            out.append(Html.escape(key)).append("</th>");
            values.forEach(
                    value -> out.append("<td>").append(Html.escape(value)).append("</td>"));
            out.append("</tr>\n");
        }
        out.append("</tbody></table></div>\n</details>\n</section>\n");
    }

    private void evaluations() {
        Set<Long> steps = new TreeSet<>();
        data.runs().forEach(run -> run.heldOut().forEach(point -> steps.add(point.step())));
        if (steps.isEmpty()) {
            return;
        }
        out.append("<section>\n<h2>Figures behind the curves</h2>\n<details>\n")
                .append("<summary>Held-out loss at every evaluation, nats a token (training seconds)</summary>\n");
        tableHead("step", data.runs().stream().map(Run::name).toList());
        for (long step : steps) {
            out.append("<tr><th scope=\"row\">").append(step).append("</th>");
            for (Run run : data.runs()) {
                List<String> cells = new ArrayList<>();
                run.heldOut().stream()
                        .filter(point -> point.step() == step)
                        .forEach(point -> cells.add(
                                Html.decimal(point.nll(), 4) + " (" + Html.decimal(point.seconds(), 1) + " s)"));
                out.append("<td>")
                        .append(cells.isEmpty() ? "—" : String.join(", ", cells))
                        .append("</td>");
            }
            out.append("</tr>\n");
        }
        out.append("</tbody></table></div>\n</details>\n</section>\n");
    }

    private void tableHead(String first, List<String> names) {
        out.append("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">")
                .append(first)
                .append("</th>");
        names.forEach(name ->
                out.append("<th scope=\"col\">").append(Html.escape(name)).append("</th>"));
        out.append("</tr></thead><tbody>\n");
    }

    private static int color(int run) {
        return run % COLORS;
    }

    /** The style sheet of Lyne's pages. */
    public static String styleSheet() {
        return Resource.text("chart.css") + Resource.text("report.css");
    }
}
