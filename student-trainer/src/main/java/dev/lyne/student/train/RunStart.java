package dev.lyne.student.train;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a run begins.
 *
 * @param mode what is done about checkpoints in its directory
 * @param fork the other run's checkpoint that step 1 begins with; empty: the student's own weights
 */
public record RunStart(Mode mode, Optional<Fork> fork) {
    /** At step 0, in a directory without finished steps. */
    public static final RunStart AFRESH = new RunStart(Mode.AFRESH, Optional.empty());

    /** Start from the newest checkpoint. */
    public static final RunStart RESUMED = new RunStart(Mode.RESUME, Optional.empty());

    /** Mode of a start, by what is done about checkpoints in the run's directory. */
    public enum Mode {
        /** There may be none. */
        AFRESH,
        /** There has to be one. */
        RESUME,
        /** The newest, else step 0. */
        RESUME_OR_BEGIN
    }

    /**
     * The checkpoint of another run.
     *
     * @param checkpoint its directory
     * @param freshOptimizer whether the optimiser's moments stay behind
     */
    public record Fork(Path checkpoint, boolean freshOptimizer) {}

    boolean resumes() {
        return mode != Mode.AFRESH;
    }
}
