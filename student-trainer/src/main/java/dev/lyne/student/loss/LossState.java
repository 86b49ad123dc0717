package dev.lyne.student.loss;

import java.util.Map;

/**
 * State of what a loss learns from one optimiser step to the next. The invariant: its values follow from what it was
 * begun or restored with and the steps that it has taken since, and from nothing else, so that a resumed run ends bit
 * for bit as if it had never stopped. One thread uses it.
 */
public interface LossState {
    /** The state of a loss that learns nothing. */
    LossState NONE = new LossState() {
        @Override
        public Map<String, Double> values() {
            return Map.of();
        }

        @Override
        public void stepped(Step step) {}

        @Override
        public Map<String, Double> saved() {
            return Map.of();
        }

        @Override
        public void restore(Map<String, Double> saved) {}
    };

    /**
     * A finished step.
     *
     * @param number from 1
     * @param nll negative log-likelihood of the data, nats a position
     * @param divergence the loss's own, nats a position, before its weight
     */
    record Step(long number, double nll, double divergence) {}

    /**
     * The values of the step to come, by name, finite; the same names at every step. Each is a column `[rows]` of the script, the
     * same number in all rows, and stands in metrics, events and reports.
     */
    Map<String, Double> values();

    /** Takes a finished step; those at which the loss had no weight are left out. */
    void stepped(Step step);

    /** Returns the values that a checkpoint keeps of it, by name, finite. */
    Map<String, Double> saved();

    /** Goes on from what {@link #saved} gave, and then says the same of itself; not called where that was empty. */
    void restore(Map<String, Double> saved);
}
