package dev.lyne.wire.capture;

/**
 * Steps of a trajectory.
 *
 * @param first step, from 1
 * @param last step, itself among them
 */
public record StepRange(long first, long last) {
    /** Whatever the step; for rows that no step gave. */
    public static final StepRange ALL = new StepRange(0, Long.MAX_VALUE);

    public StepRange {
        if (first < 0 || last < first) {
            throw new IllegalArgumentException("steps: " + first + "-" + last + " (expected: FIRST-LAST, ascending)");
        }
    }

    /** Whether a step is among them. */
    public boolean contains(long step) {
        return step >= first && step <= last;
    }
}
