package dev.lyne.load.study;

import dev.lyne.files.AtomicFile;
import dev.lyne.student.page.Block;
import dev.lyne.student.page.Block.Paragraph;
import dev.lyne.student.page.Block.Table;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Chart.Axis;
import dev.lyne.student.page.Chart.Detail;
import dev.lyne.student.page.Chart.Line;
import dev.lyne.student.page.Chart.Point;
import dev.lyne.student.page.Chart.Style;
import dev.lyne.student.page.Figures;
import dev.lyne.student.page.Page;
import dev.lyne.student.page.Page.Card;
import dev.lyne.student.page.Page.Section;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Report of a study, as far as it is: {@code report.html} with {@code report.json}, and {@code table.md}. */
public final class StudyPage {
    private final Study study;
    private final Map<String, StudyResult> results;

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
        Files.createDirectories(directory);
        AtomicFile.write(
                directory.resolve("table.md"), StudyTable.of(study, results).getBytes(StandardCharsets.UTF_8));
        new StudyPage(study, results).page().write(directory.resolve("report.html"));
    }

    private Page page() {
        List<Section> sections = new ArrayList<>();
        sections.add(new Section(
                "How to read it",
                "",
                List.of(new Paragraph(
                        "Dots are seeds, a mark is their mean, its bar one standard deviation to each side; a hollow"
                                + " mark cannot be told from the baseline. " + StudyTable.TEST))));
        study.axes().forEach(axis -> sections.add(section(axis)));
        return new Page(study.title(), study.source(), cards(), sections);
    }

    private List<Card> cards() {
        double seconds =
                results.values().stream().mapToDouble(StudyResult::seconds).sum();
        long parameters = results.values().stream()
                .mapToLong(StudyResult::parameters)
                .max()
                .orElse(0);
        return List.of(
                new Card("Students", results.size() + " of " + study.runs().size(), "each once, shared between axes"),
                new Card("Seeds", Integer.toString(study.seeds().size()), "of each point"),
                new Card("Training time", Figures.decimal(seconds / 60, 1) + " min", "of all students together"),
                new Card("Parameters", Figures.count(parameters), "of the largest student"));
    }

    private Section section(Study.Axis axis) {
        List<Block> blocks = new ArrayList<>();
        List<StudyFigures> figures = axis.metrics().stream()
                .map(metric -> StudyFigures.of(axis, metric, results))
                .toList();
        StudyTable.chosen(study, axis, results).ifPresent(line -> blocks.add(new Paragraph(line)));
        figures.forEach(of -> blocks.add(chart(axis, of)));
        for (StudyFigures of : figures) {
            List<String> head = new ArrayList<>(StudyTable.HEAD);
            head.set(head.indexOf("mean"), of.metric().title());
            List<List<String>> rows = new ArrayList<>();
            of.rows().forEach((point, row) -> rows.add(StudyTable.cells(axis, of.metric(), point, row)));
            blocks.add(new Table("", head, rows));
            if (of.missing() > 0) {
                blocks.add(new Paragraph("%d of %d points are not done."
                        .formatted(of.missing(), axis.points().size())));
            }
        }
        return new Section(axis.title(), axis.note(), blocks);
    }

    /**
     * Returns the chart of each series' means, joined where there are several series, and seeds; the baseline is a line
     * across.
     */
    private static Chart chart(Study.Axis axis, StudyFigures figures) {
        StudyMetric metric = figures.metric();
        List<String> series =
                axis.points().stream().map(Study.Point::series).distinct().toList();
        List<String> places =
                figures.rows().keySet().stream().map(Study.Point::at).distinct().toList();
        List<Line> lines = new ArrayList<>();
        List<Line> seeds = new ArrayList<>();
        for (int i = 0; i < series.size(); i++) {
            List<Point> means = new ArrayList<>();
            List<Detail> details = new ArrayList<>();
            List<Point> values = new ArrayList<>();
            String name = series.get(i);
            figures.rows().forEach((point, row) -> {
                int place = places.indexOf(point.at());
                if (point.series().equals(name) && Double.isFinite(row.mean())) {
                    means.add(new Point(place, row.mean()));
                    details.add(new Detail(
                            point.label(), row.spread(), !axis.isBaseline(point) && !row.isDistinguishable()));
                    for (double value : row.values()) {
                        values.add(new Point(place, value));
                    }
                }
            });
            lines.add(new Line(
                    series.size() > 1 ? name : "mean and standard deviation",
                    i,
                    series.size() > 1 ? Style.STRONG : Style.MARKS,
                    means,
                    details));
            seeds.add(Line.of(series.size() > 1 ? name + ", each seed" : "each seed", i, Style.DOTS, values));
        }
        lines.addAll(seeds);
        figures.rows().forEach((point, row) -> {
            if (axis.isBaseline(point) && !axis.isSeries() && Double.isFinite(row.mean())) {
                lines.add(Line.of(
                        "baseline: " + point.label(),
                        0,
                        Style.LEVEL,
                        List.of(new Point(-0.5, row.mean()), new Point(places.size() - 0.5, row.mean()))));
            }
        });
        return new Chart(
                axis.name() + "-" + metric.key(),
                axis.title() + ": " + metric.title(),
                Axis.naming(axis.x(), places),
                Axis.covering(metric.unit().isEmpty() ? metric.title() : metric.unit()),
                lines);
    }
}
