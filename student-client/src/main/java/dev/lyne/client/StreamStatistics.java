package dev.lyne.client;

import dev.lyne.row.RowSource;
import java.util.Map;

/**
 * Counts of a stream since it was opened.
 *
 * @param asked sequences offered, each once
 * @param received sequences whose rows are all here and checked
 * @param reasked times that a sequence was asked again after a failure
 * @param failedSequences sequences handed out as a failure
 * @param receivedBySource received positions from each source
 * @param narrowedPositions received positions whose rows were cut from a stored wider selection
 * @param blockBytes bytes of the blocks of received sequences
 * @param discardedBytes bytes of blocks dropped because their sequence did not complete
 * @param reconnects streams opened anew after one broke
 * @param stallNanos time that take has waited
 * @param hedges sequences that a second replica was asked for
 */
public record StreamStatistics(
        Count asked,
        Count received,
        Count reasked,
        long failedSequences,
        Map<RowSource, Long> receivedBySource,
        long narrowedPositions,
        long blockBytes,
        long discardedBytes,
        long reconnects,
        long stallNanos,
        Hedges hedges) {
    public StreamStatistics {
        receivedBySource = Map.copyOf(receivedBySource);
    }

    /**
     * Sequences, counted.
     *
     * @param sequences how many
     * @param positions positions of those sequences
     */
    public record Count(long sequences, long positions) {
        /** None. */
        public static final Count NONE = new Count(0, 0);

        Count plus(int morePositions) {
            return new Count(sequences + 1, positions + morePositions);
        }
    }

    /**
     * Sequences that a second replica was asked for, since the first was late.
     *
     * @param asked how many; each is received once all the same
     * @param won of them, those that the second answered first
     */
    public record Hedges(long asked, long won) {
        /** None. */
        public static final Hedges NONE = new Hedges(0, 0);
    }

    /** Received positions over asked ones, re-asks counted once; NaN before the first is asked. */
    public double coverage() {
        return (double) received.positions() / asked.positions();
    }

    /** Mean size of a received row in bytes, headers included; NaN before the first. */
    public double bytesPerPosition() {
        return (double) blockBytes / received.positions();
    }
}
