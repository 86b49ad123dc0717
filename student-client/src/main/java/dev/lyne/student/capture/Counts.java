package dev.lyne.student.capture;

import dev.lyne.student.client.RowSource;
import dev.lyne.student.client.StreamStatistics;
import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.Targets;
import java.util.EnumMap;
import java.util.Map;

/** What a stream from a capture counts. Guarded by its stream. */
final class Counts {
    private long askedSequences;
    private long askedPositions;
    private long receivedSequences;
    private long receivedPositions;
    private long reaskedSequences;
    private long reaskedPositions;
    private long failedSequences;
    private final Map<RowSource, Long> receivedBySource = new EnumMap<>(RowSource.class);
    private long narrowedPositions;
    private long blockBytes;
    private long stallNanos;

    void asked(TargetSequence sequence) {
        askedSequences++;
        askedPositions += sequence.positions().length;
    }

    void reasked(TargetSequence sequence) {
        reaskedSequences++;
        reaskedPositions += sequence.positions().length;
    }

    void received(Targets targets) {
        receivedSequences++;
        receivedPositions += targets.rows();
        narrowedPositions += targets.narrowedRows();
        blockBytes += targets.blockBytes();
        targets.rowsBySource().forEach((source, rows) -> receivedBySource.merge(source, (long) rows, Long::sum));
    }

    void failed() {
        failedSequences++;
    }

    void stalled(long nanos) {
        stallNanos += nanos;
    }

    StreamStatistics statistics() {
        return new StreamStatistics(
                askedSequences,
                askedPositions,
                receivedSequences,
                receivedPositions,
                reaskedSequences,
                reaskedPositions,
                failedSequences,
                receivedBySource,
                narrowedPositions,
                blockBytes,
                0,
                0,
                stallNanos);
    }
}
