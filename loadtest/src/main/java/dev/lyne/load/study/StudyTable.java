package dev.lyne.load.study;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The figures of a study as Markdown tables. */
final class StudyTable {
    /** How differences are judged, for people. */
    static final String TEST =
            "Difference: mean over the seeds of the difference from the baseline of the same seed. p: two-sided t test with the"
                    + " variance that neither point nor seed explains, pooled over the points, times the number of comparisons by"
                    + " Holm's rule; at 0.05 or more a difference cannot be told from none, and the verdict names the smallest that could be.";

    static final List<String> HEAD = List.of(
            "point",
            "mean",
            "spread over seeds",
            "difference",
            "gain over the baseline",
            "p",
            "verdict",
            "source says");

    private StudyTable() {}

    static String of(Study study, Map<String, StudyResult> results) {
        StringBuilder out = new StringBuilder("# ").append(study.title()).append("\n\n");
        if (!study.source().isEmpty()) {
            out.append(study.source()).append("\n\n");
        }
        out.append("%d of %d students, seeds %s.\n%s\n"
                .formatted(results.size(), study.runs().size(), study.seeds(), TEST));
        for (Study.Axis axis : study.axes()) {
            out.append("\n## ").append(axis.title()).append("\n");
            if (!axis.note().isEmpty()) {
                out.append("\n").append(axis.note()).append("\n");
            }
            for (StudyMetric metric : axis.metrics()) {
                StudyFigures figures = StudyFigures.of(axis, metric, results);
                out.append("\n%s%s\n\n| %s |\n|%s\n"
                        .formatted(
                                metric.title(),
                                metric.unit().isEmpty() ? "" : ", " + metric.unit(),
                                String.join(" | ", HEAD),
                                " --- |".repeat(HEAD.size())));
                figures.rows()
                        .forEach((point, row) -> out.append("| ")
                                .append(String.join(" | ", cells(axis, metric, point, row)))
                                .append(" |\n"));
                if (figures.missing() > 0) {
                    out.append("\n%d of %d points are not done.\n"
                            .formatted(figures.missing(), axis.points().size()));
                }
            }
        }
        return out.toString();
    }

    static List<String> cells(Study.Axis axis, StudyMetric metric, Study.Point point, AxisComparison.Row row) {
        boolean baseline = axis.isBaseline(point);
        List<String> cells = new ArrayList<>();
        cells.add(point.label());
        cells.add(number(row.mean(), metric.digits()));
        cells.add(Double.isNaN(row.spread()) ? "—" : number(row.spread(), metric.digits()));
        cells.add(baseline ? "" : String.format(Locale.ROOT, "%+." + metric.digits() + "f", row.difference()));
        double reference = row.mean() - row.difference();
        cells.add(baseline ? "" : String.format(Locale.ROOT, "%+.2f %%", -100 * row.difference() / reference));
        cells.add(baseline || Double.isNaN(row.probability()) ? "" : probability(row.probability()));
        cells.add(StudyFigures.verdict(axis, point, row));
        cells.add(point.paper());
        return cells;
    }

    private static String probability(double value) {
        return value < 0.00005 ? "< 0.0001" : number(value, 4);
    }

    private static String number(double value, int digits) {
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
