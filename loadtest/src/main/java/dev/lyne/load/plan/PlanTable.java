package dev.lyne.load.plan;

import dev.lyne.student.page.Block.Table;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Chart.Axis;
import dev.lyne.student.page.Chart.Line;
import dev.lyne.student.page.Chart.Point;
import dev.lyne.student.page.Chart.Style;
import dev.lyne.student.page.Page;
import dev.lyne.student.page.Page.Section;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Capacity plans of several values of one option, as a table and as curves.
 *
 * @param name of the option, without dashes
 * @param values as they were given, one a plan
 */
public record PlanTable(String name, List<String> values, List<CapacityPlan> plans) {
    /** The plans by their value. */
    public Map<String, CapacityPlan> byValue() {
        Map<String, CapacityPlan> byValue = new LinkedHashMap<>();
        IntStream.range(0, plans.size()).forEach(i -> byValue.put(values.get(i), plans.get(i)));
        return byValue;
    }

    /** A Markdown table, a line a value. */
    public List<String> lines() {
        boolean replicasToo = !name.equals("replicas");
        List<String> lines = new ArrayList<>(List.of(
                "| " + over()
                        + (replicasToo ? " | replicas" : "")
                        + " | positions/s wanted | positions/s | of them computed | hit ratio"
                        + " | stall | worst stall | devices busy | latency, ms | Mbit/s a student | Mbit/s a replica |",
                "| --- |" + " --- |".repeat(replicasToo ? 11 : 10)));
        for (int i = 0; i < plans.size(); i++) {
            CapacityPlan plan = plans.get(i);
            Simulation.Outcome outcome = plan.chosen();
            double wanted = plan.positionsPerSecondWanted();
            lines.add(String.format(
                    Locale.ROOT,
                    "| %s%s | %s | %,.0f | %,.0f | %.3f | %.1f %%%s | %.1f %% | %.1f %% | %,.1f | %,.2f | %,.1f |",
                    values.get(i),
                    replicasToo ? " | " + outcome.replicas() : "",
                    Double.isInfinite(wanted) ? "" : String.format(Locale.ROOT, "%,.0f", wanted),
                    outcome.positionsPerSecond(),
                    outcome.computedPerSecond(),
                    outcome.hitRatio(),
                    outcome.stallShare() * 100,
                    plan.met() ? "" : " (too much)",
                    outcome.worstStallShare() * 100,
                    outcome.deviceBusyShare() * 100,
                    outcome.latencyMillis(),
                    plan.bytesPerSecondPerStudent() * 8 / 1e6,
                    plan.bytesPerSecondPerReplica() * 8 / 1e6));
        }
        return lines;
    }

    /**
     * The page: the curves, and the table.
     *
     * @param found whether the number of replicas is an answer; else what a number of them does is
     */
    public Page page(boolean found) {
        List<List<String>> rows = lines().stream()
                .filter(line -> !line.startsWith("| ---"))
                .map(PlanTable::cells)
                .toList();
        return new Page(
                "Capacity plan",
                "What a simulation predicts for each value of --" + name + ".",
                List.of(),
                List.of(new Section(
                        "Over " + over(),
                        "",
                        List.of(chart(found), new Table("", rows.get(0), rows.subList(1, rows.size()))))));
    }

    private static List<String> cells(String line) {
        return Arrays.stream(line.substring(1, line.length() - 1).split("\\|", -1))
                .map(String::strip)
                .toList();
    }

    private String over() {
        return name.replace('-', ' ');
    }

    private Chart chart(boolean found) {
        Axis x = Axis.naming(over(), values);
        if (found) {
            return new Chart(
                    "plan",
                    "Replicas over " + over(),
                    x,
                    Axis.counting("replicas"),
                    List.of(
                            line("found by simulation", 0, plan -> plan.chosen().replicas()),
                            line("by arithmetic, if no row is used twice", 1, CapacityPlan::replicasAtLeast)));
        }
        return new Chart(
                "plan",
                "Shares over " + over(),
                x,
                Axis.fromZero("%"),
                List.of(
                        line(
                                "stall: students' time spent waiting",
                                0,
                                plan -> plan.chosen().stallShare() * 100),
                        line("devices busy", 1, plan -> plan.chosen().deviceBusyShare() * 100),
                        line("hit ratio", 2, plan -> plan.chosen().hitRatio() * 100)));
    }

    private Line line(String of, int color, ToDoubleFunction<CapacityPlan> value) {
        return Line.of(
                of,
                color,
                Style.STRONG,
                IntStream.range(0, plans.size())
                        .mapToObj(i -> new Point(i, value.applyAsDouble(plans.get(i))))
                        .toList());
    }
}
