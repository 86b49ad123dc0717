package dev.lyne.load.study;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * The figures of an axis by one metric, as far as there are results.
 *
 * @param rows of each point whose students are all done and whose baseline's are, in the order of the axis
 * @param missing points that have no row yet
 */
record StudyFigures(Study.Axis axis, StudyMetric metric, Map<Study.Point, AxisComparison.Row> rows, int missing) {
    /** Compares the points of an axis; where its baseline is a series, each point with that series's at the same place. */
    static StudyFigures of(Study.Axis axis, StudyMetric metric, Map<String, StudyResult> results) {
        Map<String, List<Study.Point>> groups = new LinkedHashMap<>();
        for (Study.Point point : axis.points()) {
            if (results.keySet().containsAll(point.runs())) {
                groups.computeIfAbsent(axis.isSeries() ? point.at() : "", at -> new ArrayList<>())
                        .add(point);
            }
        }
        List<Study.Point> points = new ArrayList<>();
        List<AxisComparison.Group> comparable = new ArrayList<>();
        for (List<Study.Point> group : groups.values()) {
            int baseline = 0;
            while (baseline < group.size() && !axis.isBaseline(group.get(baseline))) {
                baseline++;
            }
            if (baseline < group.size()) {
                points.addAll(group);
                comparable.add(new AxisComparison.Group(
                        group.stream()
                                .map(point -> values(point, metric, results))
                                .toList(),
                        baseline));
            }
        }
        Map<Study.Point, AxisComparison.Row> compared = new LinkedHashMap<>();
        List<AxisComparison.Row> rows =
                AxisComparison.of(comparable).stream().flatMap(List::stream).toList();
        for (int i = 0; i < rows.size(); i++) {
            compared.put(points.get(i), rows.get(i));
        }
        Map<Study.Point, AxisComparison.Row> inOrder = new LinkedHashMap<>();
        axis.points().stream()
                .filter(compared::containsKey)
                .forEach(point -> inOrder.put(point, Objects.requireNonNull(compared.get(point))));
        return new StudyFigures(axis, metric, inOrder, axis.points().size() - inOrder.size());
    }

    private static double[] values(Study.Point point, StudyMetric metric, Map<String, StudyResult> results) {
        return point.runs().stream()
                .mapToDouble(id -> metric.of(Objects.requireNonNull(results.get(id))))
                .toArray();
    }

    /** Returns the verdict on a point that stands beside its figures. */
    static String verdict(Study.Axis axis, Study.Point point, AxisComparison.Row row) {
        if (axis.isBaseline(point)) {
            return "baseline";
        }
        if (Double.isNaN(row.probability())) {
            return "one seed: cannot be told";
        }
        return row.isDistinguishable()
                ? (row.difference() < 0 ? "lower" : "higher")
                : String.format(Locale.ROOT, "cannot tell (below %.2g)", row.detectable());
    }
}
