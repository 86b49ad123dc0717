package dev.lyne.client;

import dev.lyne.row.RowSource;
import java.util.Map;

/**
 * Counts of a stream since it was opened.
 *
 * @param askedSequences sequences offered
 * @param askedPositions positions of those sequences, each once
 * @param receivedSequences sequences whose rows are all here and checked
 * @param receivedPositions positions of those sequences
 * @param reaskedSequences times that a sequence was asked again after a failure
 * @param reaskedPositions positions of those sequences
 * @param failedSequences sequences handed out as a failure
 * @param receivedBySource received positions from each source
 * @param narrowedPositions received positions whose rows were cut from a stored wider selection
 * @param blockBytes bytes of the blocks of received sequences
 * @param discardedBytes bytes of blocks dropped because their sequence did not complete
 * @param reconnects streams opened anew after one broke
 * @param stallNanos time that take has waited
 */
public record StreamStatistics(
        long askedSequences,
        long askedPositions,
        long receivedSequences,
        long receivedPositions,
        long reaskedSequences,
        long reaskedPositions,
        long failedSequences,
        Map<RowSource, Long> receivedBySource,
        long narrowedPositions,
        long blockBytes,
        long discardedBytes,
        long reconnects,
        long stallNanos) {
    public StreamStatistics {
        receivedBySource = Map.copyOf(receivedBySource);
    }

    /** Received positions over asked ones, re-asks counted once; NaN before the first is asked. */
    public double coverage() {
        return (double) receivedPositions / askedPositions;
    }

    /** Mean size of a received row in bytes, headers included; NaN before the first. */
    public double bytesPerPosition() {
        return (double) blockBytes / receivedPositions;
    }
}
