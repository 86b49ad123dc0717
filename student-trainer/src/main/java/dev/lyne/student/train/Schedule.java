package dev.lyne.student.train;

import java.util.List;

/**
 * A number by optimiser step, counted from 1: the learning rate, the weight of the distillation loss, a temperature. After a linear
 * rise from 0 over {@code warmupSteps} it runs between {@code high} and {@code low}, and past {@code totalSteps} it stays where it
 * ends.
 *
 * @param kind one of {@link #KINDS}
 * @param high greatest value
 * @param low least value after the warm-up; unused by {@code constant}
 * @param warmupSteps steps of the rise from 0
 * @param decaySteps steps of the decay at the end of {@code wsd}; 0 with the others
 * @param period steps from one high to the next with {@code periodic}; 0 with the others
 * @param totalSteps last step
 */
record Schedule(String kind, double high, double low, long warmupSteps, long decaySteps, long period, long totalSteps) {
    /**
     * {@code constant}; {@code linear_up} and {@code linear_down}, straight lines; {@code cosine}, half a cosine down (arXiv
     * 1608.03983 without restarts); {@code wsd}, stable and then half a cosine down (arXiv 2404.06395); {@code periodic}, high for
     * the first half of each period and low for the second.
     */
    static final List<String> KINDS = List.of("constant", "linear_up", "linear_down", "cosine", "wsd", "periodic");

    Schedule {
        if (!KINDS.contains(kind)) {
            throw new IllegalArgumentException("schedule: " + kind + " (expected: " + String.join(", ", KINDS) + ")");
        }
        if (!(high >= 0) || Double.isInfinite(high)) {
            throw new IllegalArgumentException("high: " + high + " (expected: finite, 0 or more)");
        }
        if (!(low >= 0 && low <= high)) {
            throw new IllegalArgumentException("low: " + low + " (expected: 0..high=" + high + ")");
        }
        boolean comesDown = !kind.equals("constant") && !kind.equals("wsd");
        require("warmup_steps", warmupSteps, 0);
        if (kind.equals("linear_up") && warmupSteps > 0) {
            throw new IllegalArgumentException(
                    "warmup_steps: " + warmupSteps + " (expected: 0 with linear_up, which rises all along)");
        }
        require("decay_steps", decaySteps, kind.equals("wsd") ? 1 : 0);
        require("period", period, kind.equals("periodic") ? 2 : 0);
        require("total_steps", totalSteps, warmupSteps + decaySteps + (comesDown ? 1 : 0));
    }

    /** Returns the schedule of one value at every step. */
    static Schedule constant(double value) {
        return new Schedule("constant", value, 0, 0, 0, 0, 0);
    }

    /** The value of step 1, 2, …: at the last step it is where it ends. */
    double at(long step) {
        return value(step, step);
    }

    /**
     * The learning rate of step 1, 2, …: the way down begins at the step after the warm-up, which has all of {@code high}, and ends
     * just past the last step, so that the last step still learns. The way up of {@code linear_up} begins just before the first.
     */
    double learningRateAt(long step) {
        return kind.equals("linear_up") ? value(step, step) : value(step, step - 1);
    }

    /** The value at a step that has come as far on its way as {@code reached}. */
    private double value(long step, long reached) {
        if (warmupSteps > 0 && step <= warmupSteps) {
            return high * Math.max(0, step) / warmupSteps;
        }
        long run = totalSteps - warmupSteps;
        double progress = run == 0 ? 1 : Math.min(1.0, (double) (reached - warmupSteps) / run);
        return switch (kind) {
            case "linear_up" -> low + (high - low) * progress;
            case "linear_down" -> high - (high - low) * progress;
            case "cosine" -> halfCosine(progress);
            case "wsd" -> {
                long stableUntil = totalSteps - decaySteps;
                yield step <= stableUntil
                        ? high
                        : halfCosine(Math.min(1.0, (double) (reached - stableUntil) / decaySteps));
            }
            case "periodic" -> Math.floorMod(step - warmupSteps - 1, period) < (period + 1) / 2 ? high : low;
            default -> high;
        };
    }

    private double halfCosine(double progress) {
        return low + (high - low) * 0.5 * (1 + Math.cos(Math.PI * progress));
    }

    private static void require(String name, long value, long least) {
        if (value < least) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: at least " + least + ")");
        }
    }
}
