package dev.lyne.student.train;

import dev.lyne.student.loss.BuiltInLoss;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.LossState;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The state of a run's loss, held to what a run counts on. The invariant: what leaves it is finite, has names that nothing else of a
 * run has, and comes back from a checkpoint as it went. Owned by the training thread.
 */
final class LossProgress {
    /** Prefix of values that checkpoints of every loss held before the state was the loss's own. */
    private static final String TAID = "taid.";

    private final String loss;
    private final LossState state;
    private final Set<String> names;

    private LossProgress(String loss, LossState state) {
        this.loss = loss;
        this.state = state;
        this.names = Set.copyOf(state.values().keySet());
    }

    /** The progress of a run without a teacher. */
    static LossProgress none() {
        return new LossProgress("none", LossState.NONE);
    }

    /**
     * The progress of a run of so many steps.
     *
     * @param saved what the checkpoint that it goes on from keeps; empty: it has not begun
     * @throws IllegalArgumentException where the loss has a name that is taken, or does not take up what it saved
     */
    static LossProgress of(DistillationLoss loss, long steps, Map<String, Double> saved) {
        LossProgress progress = new LossProgress(loss.loss().key(), loss.begin(steps));
        for (String name : progress.names) {
            if (StepValues.isTaken(name)) {
                throw new IllegalArgumentException("loss: " + progress.loss + ": value " + name
                        + " (expected: a name that no metric and no column has)");
            }
        }
        Map<String, Double> own = new TreeMap<>(saved);
        own.keySet().removeIf(name -> name.startsWith(OwnTextSteps.PREFIX) || name.startsWith(RunTotals.BY_TEACHER));
        if (loss.loss() != BuiltInLoss.TAID) {
            own.keySet().removeIf(name -> name.startsWith(TAID));
        }
        if (own.isEmpty()) {
            return progress;
        }
        progress.state.restore(Map.copyOf(own));
        Map<String, Double> restored = progress.saved();
        if (!restored.equals(own)) {
            throw new IllegalArgumentException("loss: " + progress.loss + ": restored as " + new TreeMap<>(restored)
                    + " (expected: " + own + ", as its checkpoint has it)");
        }
        return progress;
    }

    /** The values of the step to come. */
    Map<String, Double> values() {
        Map<String, Double> values = finite("value", state.values());
        if (!values.keySet().equals(names)) {
            throw new IllegalStateException("loss: " + loss + ": values " + values.keySet() + " (expected: " + names
                    + ", as at the first step)");
        }
        return values;
    }

    /** Takes a finished step at which the loss had weight. */
    void stepped(LossState.Step step) {
        state.stepped(step);
    }

    /** Returns the values that a checkpoint keeps. */
    Map<String, Double> saved() {
        return finite("state", state.saved());
    }

    private Map<String, Double> finite(String what, Map<String, Double> numbers) {
        numbers.forEach((name, value) -> {
            if (!Double.isFinite(value)) {
                throw new IllegalStateException(
                        "loss: " + loss + ": " + what + " " + name + ": " + value + " (expected: finite)");
            }
        });
        return numbers;
    }
}
