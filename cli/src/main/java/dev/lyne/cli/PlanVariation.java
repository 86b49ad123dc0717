package dev.lyne.cli;

import dev.lyne.load.plan.CapacityPlan;
import dev.lyne.load.plan.Simulation;
import dev.lyne.student.report.LineChart;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * One option of a command that takes several values, one after the other.
 *
 * @param name of the option, without dashes
 * @param values as they were given
 */
record PlanVariation(String name, List<String> values, OptionSpec option) {
    /** @throws IllegalArgumentException where the text names no number among the options, or no value */
    static PlanVariation parse(String text, CommandSpec command) {
        int equals = text.indexOf('=');
        String name = equals < 0 ? text : text.substring(0, equals).replace('_', '-');
        RenamedOptions.explain(command, List.of("--" + name)).ifPresent(line -> {
            throw new IllegalArgumentException("--vary: " + line);
        });
        OptionSpec option = command.findOption("--" + name);
        if (equals < 0
                || option == null
                || option.type() == boolean.class
                || !option.type().isPrimitive()) {
            throw new IllegalArgumentException(
                    "--vary: " + text + " (expected: OPTION=V,V,…, such as students=8,64,512)");
        }
        return new PlanVariation(name, Arrays.asList(text.substring(equals + 1).split(",", -1)), option);
    }

    /** Gives the option a value. */
    void set(String value) {
        try {
            option.setValue(
                    option.type() == int.class
                            ? (Object) Integer.valueOf(value)
                            : option.type() == long.class ? (Object) Long.valueOf(value) : Double.valueOf(value));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "--vary: " + name + "=" + value + " (expected: a "
                            + (option.type() == double.class ? "number" : "whole number") + ")",
                    e);
        }
    }

    /** The plans by their value. */
    Map<String, CapacityPlan> byValue(List<CapacityPlan> plans) {
        Map<String, CapacityPlan> byValue = new LinkedHashMap<>();
        IntStream.range(0, plans.size()).forEach(i -> byValue.put(values.get(i), plans.get(i)));
        return byValue;
    }

    /** A Markdown table, a line a value. */
    List<String> table(List<CapacityPlan> plans) {
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
    LineChart chart(List<CapacityPlan> plans, boolean found) {
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
