package dev.lyne.load.study;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** The figures of a study as Markdown tables. */
final class StudyTable {
    /** Sentence that says how differences are judged. */
    static final String TEST =
            "Difference: mean over the seeds of the difference from the baseline of the same seed. p: two-sided t test with the"
                    + " variance that neither point nor seed explains, pooled over the points, times the number of comparisons by"
                    + " Holm's rule; at 0.05 or more a difference cannot be told from none, and the verdict names the smallest that could be."
                    + " The intervals of an axis hold together with 95 % (Bonferroni).";

    static final List<String> HEAD = List.of(
            "point",
            "mean",
            "spread over seeds",
            "difference",
            "95 % interval",
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
            chosen(study, axis, results)
                    .ifPresent(line -> out.append("\n").append(line).append("\n"));
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

    /**
     * Returns in words what the points of an axis were chosen to have, as far as their students are done; empty where
     * nothing is chosen.
     */
    static Optional<String> chosen(Study study, Study.Axis axis, Map<String, StudyResult> results) {
        List<String> found = new ArrayList<>();
        String of = "";
        for (Study.Point point : axis.points()) {
            Optional<StudyRun.Choice> choice = study.run(point.runs().get(0)).choice();
            if (choice.isPresent()) {
                String key = choice.get().setting().key();
                of = "Chosen %s, by %s: ".formatted(key, choice.get().metric().title());
                String value = point.runs().stream()
                        .filter(results::containsKey)
                        .map(id -> Objects.requireNonNull(results.get(id))
                                .settings()
                                .getOrDefault(key, ""))
                        .findFirst()
                        .orElse("not yet");
                List<String> tried = new ArrayList<>();
                choice.get().candidates().forEach((candidate, id) -> {
                    StudyResult result = results.get(id);
                    tried.add(candidate + ": "
                            + (result == null
                                    ? "—"
                                    : number(
                                            choice.get().metric().of(result),
                                            choice.get().metric().digits())));
                });
                found.add("%s %s (%s)".formatted(point.label(), value, String.join(", ", tried)));
            }
        }
        return found.isEmpty() ? Optional.empty() : Optional.of(of + String.join("; ", found) + ".");
    }

    static List<String> cells(Study.Axis axis, StudyMetric metric, Study.Point point, AxisComparison.Row row) {
        boolean baseline = axis.isBaseline(point);
        List<String> cells = new ArrayList<>();
        cells.add(point.label());
        cells.add(number(row.mean(), metric.digits()));
        cells.add(Double.isNaN(row.spread()) ? "—" : number(row.spread(), metric.digits()));
        cells.add(baseline ? "" : String.format(Locale.ROOT, "%+." + metric.digits() + "f", row.difference()));
        double reference = row.mean() - row.difference();
        cells.add(
                baseline || Double.isNaN(row.detectable())
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                "%+.4f to %+.4f",
                                row.difference() - row.detectable(),
                                row.difference() + row.detectable()));
        cells.add(
                baseline || metric.better() == StudyMetric.Better.NEITHER
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                "%+.2f %%",
                                (metric.better() == StudyMetric.Better.HIGHER ? 100 : -100)
                                        * row.difference()
                                        / Math.abs(reference)));
        cells.add(baseline || Double.isNaN(row.probability()) ? "" : probability(row.probability()));
        cells.add(StudyFigures.verdict(axis, point, row));
        cells.add(axis.metrics().indexOf(metric) == 0 ? point.paper() : ""); // a source reports one metric
        return cells;
    }

    private static String probability(double value) {
        return value < 0.00005 ? "< 0.0001" : number(value, 4);
    }

    private static String number(double value, int digits) {
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
