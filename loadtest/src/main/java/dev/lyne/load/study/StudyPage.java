package dev.lyne.load.study;

import dev.lyne.lm.files.AtomicFile;
import dev.lyne.student.report.DotChart;
import dev.lyne.student.report.Html;
import dev.lyne.student.report.ReportPage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a study found, as far as it is: {@code report.html}, and {@code table.md} with its plots. */
public final class StudyPage {
    private static final int COLORS = 6;

    private final Study study;
    private final Map<String, StudyResult> results;
    private final StringBuilder out = new StringBuilder();

    private StudyPage(Study study, Map<String, StudyResult> results) {
        this.study = study;
        this.results = results;
    }

    /**
     * Writes them all.
     *
     * @param results by id, of the students that are done
     */
    public static void write(Study study, Map<String, StudyResult> results, Path directory) throws IOException {
        Files.createDirectories(directory.resolve(StudyTable.PLOTS));
        for (Study.Axis axis : study.axes()) {
            List<String> series = series(axis);
            for (StudyMetric metric : axis.metrics()) {
                DotChart chart = chart(axis, series, StudyFigures.of(axis, metric, results));
                if (!chart.isEmpty()) {
                    String heading = axis.title() + ": " + metric.title();
                    write(directory.resolve(StudyTable.plot(axis, metric)), chart.alone(heading, series));
                }
            }
        }
        write(directory.resolve("table.md"), StudyTable.of(study, results));
        write(directory.resolve("report.html"), new StudyPage(study, results).render());
    }

    private static void write(Path file, String text) throws IOException {
        AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    private String render() {
        out.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
                .append("<meta name=\"color-scheme\" content=\"light dark\">\n<title>")
                .append(Html.escape(study.title()))
                .append("</title>\n<style>\n")
                .append(ReportPage.styleSheet())
                .append("</style>\n</head>\n<body>\n<main>\n<header>\n<h1>")
                .append(Html.escape(study.title()))
                .append("</h1>\n<p class=\"lead\">")
                .append(Html.escape(study.source()))
                .append("</p>\n<ul class=\"cards\">\n");
        card("Students", results.size() + " of " + study.runs().size(), "each once, shared between axes");
        card("Seeds", Integer.toString(study.seeds().size()), "of each point");
        double seconds =
                results.values().stream().mapToDouble(StudyResult::seconds).sum();
        card("Training time", Html.decimal(seconds / 60, 1) + " min", "of all students together");
        card(
                "Parameters",
                Html.count(results.values().stream()
                        .mapToLong(StudyResult::parameters)
                        .max()
                        .orElse(0)),
                "of the largest student");
        out.append(
                        "</ul>\n</header>\n<section><p>Dots are seeds, a mark is their mean, its bar one standard deviation; ")
                .append("a pale mark cannot be told from the baseline. ")
                .append(Html.escape(StudyTable.TEST))
                .append("</p></section>\n");
        study.axes().forEach(this::axis);
        return out.append("</main>\n</body>\n</html>\n").toString();
    }

    private void card(String what, String value, String note) {
        out.append("<li><span class=\"what\">%s</span><strong>%s</strong><span class=\"note\">%s</span></li>\n"
                .formatted(Html.escape(what), Html.escape(value), Html.escape(note)));
    }

    private void axis(Study.Axis axis) {
        out.append("<section>\n<h2>").append(Html.escape(axis.title())).append("</h2>\n<p>");
        out.append(Html.escape(axis.note())).append("</p>\n");
        List<String> series = series(axis);
        if (series.size() > 1) {
            out.append("<ul class=\"legend\">");
            for (int i = 0; i < series.size(); i++) {
                out.append(
                        "<li><svg viewBox=\"0 0 28 10\" aria-hidden=\"true\"><path class=\"line c%d\" d=\"M1 5L27 5\"/></svg>%s</li>"
                                .formatted(i % COLORS, Html.escape(series.get(i))));
            }
            out.append("</ul>\n");
        }
        out.append("<div class=\"charts\">\n");
        for (StudyMetric metric : axis.metrics()) {
            DotChart chart = chart(axis, series, StudyFigures.of(axis, metric, results));
            if (!chart.isEmpty()) {
                out.append(chart.render());
            }
        }
        out.append("</div>\n");
        axis.metrics().forEach(metric -> table(axis, StudyFigures.of(axis, metric, results)));
        out.append("</section>\n");
    }

    private static List<String> series(Study.Axis axis) {
        Set<String> names = new LinkedHashSet<>();
        axis.points().forEach(point -> names.add(point.series()));
        return List.copyOf(names);
    }

    private static DotChart chart(Study.Axis axis, List<String> series, StudyFigures figures) {
        StudyMetric metric = figures.metric();
        DotChart chart =
                new DotChart(metric.title(), axis.x(), metric.unit().isEmpty() ? metric.title() : metric.unit());
        figures.rows().forEach((point, row) -> {
            boolean baseline = axis.isBaseline(point);
            chart.add(new DotChart.Group(
                    point.label(),
                    series.indexOf(point.series()) % COLORS,
                    point.at(),
                    row.values(),
                    row.mean(),
                    row.spread(),
                    baseline || row.isDistinguishable()));
            if (baseline && !axis.isSeries()) {
                chart.refer(row.mean());
            }
        });
        return chart;
    }

    private void table(Study.Axis axis, StudyFigures figures) {
        out.append("<div class=\"scroll\"><table><thead><tr>");
        StudyTable.HEAD.forEach(name -> out.append("<th scope=\"col\">")
                .append(Html.escape(name.equals("mean") ? figures.metric().title() : name))
                .append("</th>"));
        out.append("</tr></thead><tbody>\n");
        figures.rows().forEach((point, row) -> {
            out.append("<tr>");
            StudyTable.cells(axis, figures.metric(), point, row)
                    .forEach(
                            cell -> out.append("<td>").append(Html.escape(cell)).append("</td>"));
            out.append("</tr>\n");
        });
        out.append("</tbody></table></div>\n");
        if (figures.missing() > 0) {
            out.append("<p>%d of %d points are not done.</p>\n"
                    .formatted(figures.missing(), axis.points().size()));
        }
    }
}
