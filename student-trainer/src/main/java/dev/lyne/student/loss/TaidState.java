package dev.lyne.student.loss;

import java.util.Map;

/**
 * How far TAID's target has moved from the student to the teacher: λ grows with the loss's relative fall, smoothed, and at least in a
 * straight line to 1 at the last step (arXiv 2501.16937, algorithm 1).
 */
final class TaidState implements LossState {
    private static final double SMOOTHING = 0.99;
    private static final double RATE = 5e-4;
    private static final String LAMBDA = "taid.lambda";
    private static final String MOMENTUM = "taid.momentum";
    private static final String DIVERGENCE = "taid.divergence";

    private final double start;
    private final long steps;
    private double lambda;
    private double momentum;
    private double before = Double.NaN;

    /** A run of so many steps that has not begun. */
    TaidState(double start, long steps) {
        this.start = start;
        this.steps = steps;
        this.lambda = start;
    }

    /** The λ of the step to come, in (0, 1]: column {@code taid_lambda}. */
    @Override
    public Map<String, Double> values() {
        return Map.of("taid_lambda", lambda);
    }

    @Override
    public void stepped(Step step) {
        if (!Double.isNaN(before)) {
            double fall = (before - step.divergence()) / (before + 1e-15);
            momentum = SMOOTHING * momentum + (1 - SMOOTHING) * fall;
            double own = lambda + RATE / (1 + Math.exp(-momentum)) * (1 - lambda);
            double line = start + (1 - start) * step.number() / steps;
            lambda = Math.min(1, Math.max(own, line));
        }
        before = step.divergence();
    }

    @Override
    public Map<String, Double> saved() {
        return Double.isNaN(before) ? Map.of() : Map.of(LAMBDA, lambda, MOMENTUM, momentum, DIVERGENCE, before);
    }

    @Override
    public void restore(Map<String, Double> saved) {
        lambda = value(saved, LAMBDA);
        momentum = value(saved, MOMENTUM);
        before = value(saved, DIVERGENCE);
    }

    private static double value(Map<String, Double> saved, String name) {
        Double value = saved.get(name);
        if (value == null) {
            throw new IllegalArgumentException(name + ": absent (expected: as a checkpoint keeps it)");
        }
        return value;
    }
}
