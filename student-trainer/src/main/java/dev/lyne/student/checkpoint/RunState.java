package dev.lyne.student.checkpoint;

import java.util.List;
import java.util.Map;

/**
 * What a training run carries from one optimiser step to the next, besides weights and optimiser state. Checkpoints are taken at
 * optimiser steps only, so no gradient is ever half accumulated in one.
 *
 * @param step optimiser steps taken
 * @param epoch data cursor: epoch of the next window
 * @param index data cursor: place of the next window within its epoch
 * @param trainedPositions positions trained so far
 * @param trainNanos wall time spent training, without evaluation
 * @param stallNanos of that, time spent waiting for targets
 * @param neededTargets targets that the steps so far needed
 * @param usedTargets targets that they used
 * @param targetBytes bytes of the blocks that carried them
 * @param positionsBySource targets from each source, by its name
 * @param heldOut evaluations so far
 * @param metricsBytes length of the metrics file
 * @param eventBytes length of the event file
 * @param progress what schedules that follow the loss have come to, by name
 * @param identity what must be equal for the run to go on, by name: digests, fingerprint, settings that matter
 */
public record RunState(
        long step,
        long epoch,
        long index,
        long trainedPositions,
        long trainNanos,
        long stallNanos,
        long neededTargets,
        long usedTargets,
        long targetBytes,
        Map<String, Long> positionsBySource,
        List<HeldOut> heldOut,
        long metricsBytes,
        long eventBytes,
        Map<String, Double> progress,
        Map<String, String> identity) {
    public RunState {
        positionsBySource = Map.copyOf(positionsBySource);
        heldOut = List.copyOf(heldOut);
        progress = Map.copyOf(progress);
        identity = Map.copyOf(identity);
    }

    /**
     * One evaluation on held-out text.
     *
     * @param step optimiser steps taken before it
     * @param nll negative log-likelihood, nats a token
     * @param seconds training time before it
     */
    public record HeldOut(long step, double nll, double seconds) {}
}
