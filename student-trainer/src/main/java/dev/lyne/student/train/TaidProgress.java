package dev.lyne.student.train;

import java.util.Map;
import java.util.Objects;

/**
 * How far TAID's target has moved from the student to the teacher: λ grows with the loss's relative fall, smoothed, and at least in a
 * straight line to 1 at the last step (arXiv 2501.16937, algorithm 1). Owned by the training thread.
 */
final class TaidProgress {
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
    TaidProgress(double start, long steps) {
        this.start = start;
        this.steps = steps;
        this.lambda = start;
    }

    /** The λ of the step to come, in (0, 1]. */
    double lambda() {
        return lambda;
    }

    /** Takes the divergence of a step, counted from 1. */
    void stepped(long step, double divergence) {
        if (!Double.isNaN(before)) {
            double fall = (before - divergence) / (before + 1e-15);
            momentum = SMOOTHING * momentum + (1 - SMOOTHING) * fall;
            double own = lambda + RATE / (1 + Math.exp(-momentum)) * (1 - lambda);
            double line = start + (1 - start) * step / steps;
            lambda = Math.min(1, Math.max(own, line));
        }
        before = divergence;
    }

    /** What a checkpoint keeps of it. */
    Map<String, Double> state() {
        return Double.isNaN(before) ? Map.of() : Map.of(LAMBDA, lambda, MOMENTUM, momentum, DIVERGENCE, before);
    }

    /** Goes on from what a checkpoint kept. */
    void restore(Map<String, Double> state) {
        if (!state.isEmpty()) {
            lambda = value(state, LAMBDA);
            momentum = value(state, MOMENTUM);
            before = value(state, DIVERGENCE);
        }
    }

    private static double value(Map<String, Double> state, String name) {
        return Objects.requireNonNull(state.get(name), name);
    }
}
