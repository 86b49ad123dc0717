package dev.lyne.wire.capture;

import java.util.SortedMap;

/**
 * The training run whose model gave the rows as it stood at each step. Windows are counted in training order: those of step s, from 1,
 * are (s − 1) · batch and on.
 *
 * @param batch windows of a step
 * @param steps of the run
 */
public record CapturedTrajectory(int batch, long steps) {
    /** Trajectory of rows that one finished model gave. */
    public static final CapturedTrajectory NONE = new CapturedTrajectory(0, 0);

    public CapturedTrajectory {
        if (batch < 0 || steps < 0 || (batch == 0) != (steps == 0)) {
            throw new IllegalArgumentException(
                    "trajectory: " + steps + " steps of " + batch + " windows (expected: at least 1 each)");
        }
    }

    /** The step whose windows include that one. */
    public long stepOf(long window) {
        return window / batch + 1;
    }

    void putIdentity(SortedMap<String, String> identity) {
        if (!equals(NONE)) {
            identity.put("trajectory.batch", Integer.toString(batch));
            identity.put("trajectory.steps", Long.toString(steps));
        }
    }
}
