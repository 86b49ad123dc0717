package dev.lyne.student.train;

import dev.lyne.lm.training.Trainable;
import dev.lyne.student.checkpoint.Checkpoint;
import dev.lyne.student.checkpoint.CheckpointMismatchException;
import dev.lyne.student.checkpoint.CheckpointStore;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The other run whose checkpoint a run began with, as its identity names it. */
final class Ancestry {
    private static final String RUN = RunIdentity.PARENT + "run";
    private static final String STEP = RunIdentity.PARENT + "step";
    private static final String WEIGHTS = RunIdentity.PARENT + "weights";
    private static final String OPTIMIZER = RunIdentity.PARENT + "optimizer";

    private Ancestry() {}

    /** Takes up another run's checkpoint, and says so in the identity of the run that begins. */
    static void fork(RunStart.Fork fork, Trainable model, Map<String, String> identity) throws IOException {
        Checkpoint parent = CheckpointStore.read(fork.checkpoint());
        String tokenizer = "packing.tokenizer";
        String own = identity.getOrDefault(tokenizer, "absent");
        String other = parent.run().identity().getOrDefault(tokenizer, "absent");
        if (!own.equals(other)) {
            throw new CheckpointMismatchException(
                    "fork: " + fork.checkpoint() + ": tokenizer " + other + " (expected: " + own + ", this run's)");
        }
        RunIdentity.requireSameStudent(identity, parent);
        String weights;
        try {
            weights = model.forkState(parent.stateFile(), !fork.freshOptimizer());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("fork: " + e.getMessage(), e);
        }
        identity.put(RUN, parent.name());
        identity.put(STEP, Long.toString(parent.run().step()));
        identity.put(WEIGHTS, weights);
        identity.put(OPTIMIZER, fork.freshOptimizer() ? "fresh" : "kept");
    }

    /**
     * Copies what a checkpoint's identity says of the parent, which may be gone by now.
     *
     * @throws IllegalArgumentException where the run is now said to have begun otherwise
     */
    static void copy(Checkpoint checkpoint, Optional<RunStart.Fork> fork, Map<String, String> identity) {
        Map<String, String> before = checkpoint.run().identity();
        before.forEach((name, value) -> {
            if (name.startsWith(RunIdentity.PARENT)) {
                identity.put(name, value);
            }
        });
        if (fork.isEmpty()) {
            return;
        }
        String optimizer = fork.get().freshOptimizer() ? "fresh" : "kept";
        String step = String.valueOf(fork.get().checkpoint().getFileName()).replaceFirst("^step-0*(?=.)", "");
        if (!before.containsKey(STEP)) {
            throw new IllegalArgumentException("fork: " + fork.get().checkpoint()
                    + " (expected: not given, as the run in " + checkpoint.directory() + " began without)");
        }
        if (!step.equals(before.get(STEP)) || !optimizer.equals(before.get(OPTIMIZER))) {
            throw new IllegalArgumentException("fork: step " + step + ", optimiser " + optimizer + " (expected: step "
                    + before.get(STEP) + ", optimiser " + before.get(OPTIMIZER) + ", which the run began with)");
        }
    }

    /** Returns the parent as a summary states it: run, step, weights and optimiser; empty where there is none. */
    static Map<String, String> of(Map<String, String> identity) {
        TreeMap<String, String> parent = new TreeMap<>();
        identity.forEach((name, value) -> {
            if (name.startsWith(RunIdentity.PARENT)) {
                parent.put(name.substring(RunIdentity.PARENT.length()), value);
            }
        });
        return parent;
    }
}
