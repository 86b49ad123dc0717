package dev.lyne.cli.measure;

import dev.lyne.cli.common.RenamedOptions;
import dev.lyne.load.plan.CapacityPlan;
import dev.lyne.load.plan.PlanTable;
import java.util.Arrays;
import java.util.List;
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

    /** The plans of its values. */
    PlanTable of(List<CapacityPlan> plans) {
        return new PlanTable(name, values, plans);
    }
}
