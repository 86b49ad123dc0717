package dev.lyne.load.run;

import java.time.Duration;
import java.util.List;

/**
 * The steps of a load test.
 *
 * @param levels students of a closed loop or sequences a second of an open one, step by step; empty for the profile's own alone
 * @param rampFactor above 1 for a ramp: after the last level, each next one is so many times the one before, until the server is
 *     saturated; 0 for none
 * @param mostSteps most steps of a ramp
 * @param maxP99 p99 latency at which a ramp calls the server saturated, too
 * @param drain how long a step waits for what was due in its window
 */
public record LoadSteps(List<Double> levels, double rampFactor, int mostSteps, Duration maxP99, Duration drain) {
    public LoadSteps {
        levels = List.copyOf(levels);
        for (double level : levels) {
            require(level > 0 && level <= 1e7, "steps", level, "above 0");
        }
        require(rampFactor == 0 || rampFactor > 1 && rampFactor <= 100, "ramp", rampFactor, "0, or above 1");
        require(mostSteps >= 1 && mostSteps <= 1_000, "max_steps", mostSteps, "1..1000");
        require(!drain.isNegative(), "drain", drain, "0 or more");
    }

    /** Returns one step, at the profile's own level. */
    public static LoadSteps once() {
        return new LoadSteps(List.of(), 0, 1, Duration.ofDays(1), Duration.ofSeconds(30));
    }

    private static void require(boolean holds, String option, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(option + ": " + value + " (expected: " + expectation + ")");
        }
    }
}
