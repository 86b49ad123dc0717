package dev.lyne.load.plan;

import dev.lyne.student.report.LineChart;
import java.util.ArrayList;
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
                "| " + name.replace('-', ' ')
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
     * The curves.
     *
     * @param found whether the number of replicas is an answer; else what a number of them does is
     */
    public LineChart chart(boolean found) {
        String over = name.replace('-', ' ');
        if (found) {
            return LineChart.over(values, "Replicas over " + over, over, "replicas")
                    .fromZero()
                    .add(line(
                            "found by simulation",
                            0,
                            plans,
                            plan -> plan.chosen().replicas()))
                    .add(line("by arithmetic, if no row is used twice", 1, plans, CapacityPlan::replicasAtLeast));
        }
        return LineChart.over(values, "Shares over " + over, over, "%")
                .fromZero()
                .add(line(
                        "stall: students' time spent waiting",
                        0,
                        plans,
                        plan -> plan.chosen().stallShare() * 100))
                .add(line("devices busy", 1, plans, plan -> plan.chosen().deviceBusyShare() * 100))
                .add(line("hit ratio", 2, plans, plan -> plan.chosen().hitRatio() * 100));
    }

    private static LineChart.Series line(
            String name, int color, List<CapacityPlan> plans, ToDoubleFunction<CapacityPlan> value) {
        return new LineChart.Series(
                name,
                color,
                false,
                IntStream.range(0, plans.size())
                        .mapToObj(i -> new LineChart.Point(i, value.applyAsDouble(plans.get(i))))
                        .toList());
    }
}
