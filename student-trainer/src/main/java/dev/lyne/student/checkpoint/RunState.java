package dev.lyne.student.checkpoint;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;
import java.util.Map;

/**
 * State that a training run carries from one optimiser step to the next, besides weights and optimiser state.
 * Checkpoints are taken at optimiser steps only, so no gradient is ever half accumulated in one. Files hold the fields
 * of the parts side by side.
 *
 * @param step optimiser steps taken
 * @param cursor where the next window is
 * @param spent what training has come to
 * @param targets what has come of the teacher's rows
 * @param heldOut evaluations so far
 * @param files lengths of the files that grow beside the checkpoints
 * @param progress what schedules that follow the loss, and the counts of several teachers, have come to, by name
 * @param identity what must be equal for the run to go on, by name: digests, fingerprint, settings that matter
 */
public record RunState(
        long step,
        @JsonUnwrapped Cursor cursor,
        @JsonUnwrapped Spent spent,
        @JsonUnwrapped TargetCounts targets,
        List<HeldOut> heldOut,
        @JsonUnwrapped FileLengths files,
        Map<String, Double> progress,
        Map<String, String> identity) {
    public RunState {
        heldOut = List.copyOf(heldOut);
        progress = Map.copyOf(progress);
        identity = Map.copyOf(identity);
    }

    /**
     * The data cursor.
     *
     * @param epoch epoch of the next window
     * @param index place of the next window within its epoch
     */
    public record Cursor(long epoch, long index) {}

    /**
     * Positions trained, and the time that they took.
     *
     * @param trainedPositions positions trained so far
     * @param trainNanos wall time spent training, without evaluation
     * @param stallNanos of that, time spent waiting for targets
     */
    public record Spent(long trainedPositions, long trainNanos, long stallNanos) {
        /** Training time, without evaluation. */
        public double seconds() {
            return trainNanos / 1e9;
        }

        /** Share of the training time spent waiting for targets; 0 before any time has passed. */
        public double stallFraction() {
            return trainNanos == 0 ? 0 : (double) stallNanos / trainNanos;
        }
    }

    /**
     * Targets, counted.
     *
     * @param neededTargets targets that the steps so far needed
     * @param usedTargets targets that they used
     * @param targetBytes bytes of the blocks that carried them
     * @param positionsBySource targets from each source, by its name
     */
    public record TargetCounts(
            long neededTargets, long usedTargets, long targetBytes, Map<String, Long> positionsBySource) {
        public TargetCounts {
            positionsBySource = Map.copyOf(positionsBySource);
        }
    }

    /**
     * Lengths of the files that grow beside the checkpoints.
     *
     * @param metricsBytes length of the metrics file
     * @param eventBytes length of the event file
     */
    public record FileLengths(long metricsBytes, long eventBytes) {}

    /**
     * One evaluation on held-out text.
     *
     * @param step optimiser steps taken before it
     * @param nll negative log-likelihood, nats a token
     * @param seconds training time before it
     */
    public record HeldOut(long step, double nll, double seconds) {}
}
