package dev.lyne.cli.common;

import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The refusal of numbers that are too small, by the option that gave them. */
public final class AtLeast {
    /** Numbers of a benchmark that may be 0. */
    private static final Set<String> MAY_BE_ZERO = Set.of("--stagger", "--disk-cache-mib", "--threads");

    private AtLeast() {}

    public static void require(String option, long value, long least) {
        if (value < least) {
            throw new IllegalArgumentException(option + ": " + value + " (expected: " + least + " or more)");
        }
    }

    /** Refuses counts of a benchmark that would have it measure nothing. */
    public static void requireCounts(CommandSpec benchmark) {
        for (OptionSpec option : benchmark.options()) {
            Object value = option.getValue();
            if ((value instanceof Integer || value instanceof Long) && !MAY_BE_ZERO.contains(option.longestName())) {
                require(option.longestName(), ((Number) value).longValue(), 1);
            }
        }
    }
}
