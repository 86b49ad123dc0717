package dev.lyne.client;

import dev.lyne.row.RowSource;
import java.util.HashMap;
import java.util.Map;

/** Counts of a stream of targets, wherever its rows come from. Guarded by its stream. */
public final class StreamCounts {
    private StreamStatistics.Count asked = StreamStatistics.Count.NONE;
    private StreamStatistics.Count received = StreamStatistics.Count.NONE;
    private StreamStatistics.Count reasked = StreamStatistics.Count.NONE;
    private long failedSequences;
    private final Map<RowSource, Long> receivedBySource = new HashMap<>();
    private long narrowedPositions;
    private long blockBytes;
    private long discardedBytes;
    private long reconnects;
    private long stallNanos;
    private long hedged;
    private long hedgesWon;

    /** A sequence was offered. */
    public void asked(TargetSequence sequence) {
        asked = asked.plus(sequence.positions().length);
    }

    /** A sequence is asked for again. */
    public void reasked(TargetSequence sequence) {
        reasked = reasked.plus(sequence.positions().length);
    }

    /** A sequence's rows are all here and checked. */
    public void received(Targets targets) {
        received = received.plus(targets.rows());
        narrowedPositions += targets.narrowedRows();
        blockBytes += targets.blockBytes();
        targets.rowsBySource().forEach((source, rows) -> receivedBySource.merge(source, (long) rows, Long::sum));
    }

    /** A sequence was handed out as a failure. */
    public void failed() {
        failedSequences++;
    }

    /** Blocks were dropped, because their sequence did not complete. */
    public void discarded(long bytes) {
        discardedBytes += bytes;
    }

    /** A stream was opened anew after one broke. */
    public void reconnected() {
        reconnects++;
    }

    /** Whoever takes has waited. */
    public void stalled(long nanos) {
        stallNanos += nanos;
    }

    /** Counts a sequence that another replica was asked for, too, as one had not answered. */
    public void hedged() {
        hedged++;
    }

    /** Counts a second replica that answered first. */
    public void hedgeWon() {
        hedgesWon++;
    }

    /** Sequences offered so far. */
    long askedSequences() {
        return asked.sequences();
    }

    long hedgedSequences() {
        return hedged;
    }

    /** The counts as they are now. */
    public StreamStatistics statistics() {
        return new StreamStatistics(
                asked,
                received,
                reasked,
                failedSequences,
                receivedBySource,
                narrowedPositions,
                blockBytes,
                discardedBytes,
                reconnects,
                stallNanos,
                new StreamStatistics.Hedges(hedged, hedgesWon));
    }
}
