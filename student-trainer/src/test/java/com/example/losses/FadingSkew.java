package com.example.losses;

import dev.lyne.student.loss.Loss;
import dev.lyne.student.loss.LossState;
import java.util.Map;
import java.util.Optional;

/**
 * KL(t‖αt + (1 − α)s) whose α falls with the loss: {@code loss_parameter} times the moving mean of the divergence over the first one,
 * at most {@code loss_parameter}. What somebody writes who brings a loss that learns: this class and the script beside it.
 */
public final class FadingSkew implements Loss {
    private static final Parameter START = Parameter.between("start", 0.3, 0, 0.9);

    @Override
    public Shape shape() {
        return Shape.CURVED;
    }

    @Override
    public Optional<Parameter> parameter() {
        return Optional.of(START);
    }

    @Override
    public LossState begin(double parameter, long steps) {
        return new State(parameter);
    }

    private static final class State implements LossState {
        private final double start;
        private double first;
        private double mean;

        private State(double start) {
            this.start = start;
        }

        @Override
        public Map<String, Double> values() {
            return Map.of("fading_skew", first == 0 ? start : start * Math.min(1, mean / first));
        }

        @Override
        public void stepped(Step step) {
            first = first == 0 ? step.divergence() : first;
            mean = mean == 0 ? step.divergence() : 0.9 * mean + 0.1 * step.divergence();
        }

        @Override
        public Map<String, Double> saved() {
            return Map.of("first", first, "mean", mean);
        }

        @Override
        public void restore(Map<String, Double> saved) {
            first = saved.getOrDefault("first", 0.0);
            mean = saved.getOrDefault("mean", 0.0);
        }
    }
}
