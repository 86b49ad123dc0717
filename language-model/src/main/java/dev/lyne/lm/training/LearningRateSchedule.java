package dev.lyne.lm.training;

/** Learning rate by optimiser step, counted from 1; each kind begins with a linear warm-up from 0. */
public sealed interface LearningRateSchedule {
    /** The rate of step 1, 2, …; past the last step it stays where the schedule ends. */
    double at(long step);

    /** The same rate for ever after the warm-up. */
    record Constant(double rate, long warmupSteps) implements LearningRateSchedule {
        public Constant {
            requireRate("rate", rate);
            requireSteps("warmup_steps", warmupSteps, 0);
        }

        @Override
        public double at(long step) {
            return rate * warmup(step, warmupSteps);
        }
    }

    /** Half a cosine from the rate down to the floor at the last step (arXiv 1608.03983 without restarts). */
    record Cosine(double rate, double floor, long warmupSteps, long totalSteps) implements LearningRateSchedule {
        public Cosine {
            requireRate("rate", rate);
            requireFloor(floor, rate);
            requireSteps("warmup_steps", warmupSteps, 0);
            requireSteps("total_steps", totalSteps, warmupSteps + 1);
        }

        @Override
        public double at(long step) {
            if (step <= warmupSteps) {
                return rate * warmup(step, warmupSteps);
            }
            double progress = Math.min(1.0, (double) (step - warmupSteps) / (totalSteps - warmupSteps));
            return halfCosine(rate, floor, progress);
        }
    }

    /** Warm-up, a stable rate, then half a cosine down to the floor over the last {@code decaySteps} (arXiv 2404.06395). */
    record WarmupStableDecay(double rate, double floor, long warmupSteps, long decaySteps, long totalSteps)
            implements LearningRateSchedule {
        public WarmupStableDecay {
            requireRate("rate", rate);
            requireFloor(floor, rate);
            requireSteps("warmup_steps", warmupSteps, 0);
            requireSteps("decay_steps", decaySteps, 1);
            requireSteps("total_steps", totalSteps, warmupSteps + decaySteps);
        }

        @Override
        public double at(long step) {
            long stableUntil = totalSteps - decaySteps;
            if (step <= stableUntil) {
                return rate * warmup(step, warmupSteps);
            }
            return halfCosine(rate, floor, Math.min(1.0, (double) (step - stableUntil) / decaySteps));
        }
    }

    /**
     * The schedule of a name: {@code constant}, {@code cosine} or {@code wsd}.
     *
     * @param floor rate at the end; unused by {@code constant}
     * @param decaySteps steps of the decay of {@code wsd}; unused by the others
     */
    static LearningRateSchedule of(
            String name, double rate, double floor, long warmupSteps, long decaySteps, long totalSteps) {
        return switch (name) {
            case "constant" -> new Constant(rate, warmupSteps);
            case "cosine" -> new Cosine(rate, floor, warmupSteps, totalSteps);
            case "wsd" -> new WarmupStableDecay(rate, floor, warmupSteps, decaySteps, totalSteps);
            default -> throw new IllegalArgumentException("schedule: " + name + " (expected: constant, cosine or wsd)");
        };
    }

    private static double warmup(long step, long warmupSteps) {
        return step >= warmupSteps ? 1.0 : (double) Math.max(0, step) / warmupSteps;
    }

    private static double halfCosine(double rate, double floor, double progress) {
        return floor + (rate - floor) * 0.5 * (1 + Math.cos(Math.PI * progress));
    }

    private static void requireRate(String name, double rate) {
        if (!(rate > 0) || Double.isInfinite(rate)) {
            throw new IllegalArgumentException(name + ": " + rate + " (expected: finite, above 0)");
        }
    }

    private static void requireFloor(double floor, double rate) {
        if (!(floor >= 0 && floor <= rate)) {
            throw new IllegalArgumentException("floor: " + floor + " (expected: 0..rate=" + rate + ")");
        }
    }

    private static void requireSteps(String name, long steps, long least) {
        if (steps < least) {
            throw new IllegalArgumentException(name + ": " + steps + " (expected: at least " + least + ")");
        }
    }
}
