package dev.lyne.student.client;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * The sequences offered and not taken, in the order they will be taken, those among them that no call is answering, and the
 * stream's counts. Guarded by its stream's lock.
 */
final class Window {
    private final int maxSequences;
    private final long maxTokens;
    private final Deque<Entry> untaken = new ArrayDeque<>();
    private final PriorityQueue<Entry> waiting = new PriorityQueue<>();
    private long untakenTokens;
    private int unresolved;
    private long lastOrder;

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
    private long discardedBytes;
    private long reconnects;
    private long stallNanos;

    Window(int maxSequences, long maxTokens) {
        this.maxSequences = maxSequences;
        this.maxTokens = maxTokens;
    }

    boolean hasRoomFor(TargetSequence sequence) {
        return untaken.isEmpty()
                || (untaken.size() < maxSequences && untakenTokens + sequence.tokens().length <= maxTokens);
    }

    void addLast(TargetSequence sequence) {
        Entry entry = new Entry(sequence, ++lastOrder);
        untaken.addLast(entry);
        askedSequences++;
        askedPositions += entry.positions();
        added(entry);
    }

    void addFirst(TargetSequence sequence) {
        Entry head = untaken.peekFirst();
        Entry entry = new Entry(sequence, head == null ? ++lastOrder : head.order - 1);
        untaken.addFirst(entry);
        reaskedSequences++;
        reaskedPositions += entry.positions();
        added(entry);
    }

    private void added(Entry entry) {
        untakenTokens += entry.tokens();
        unresolved++;
        waiting.add(entry);
    }

    int size() {
        return untaken.size();
    }

    /** Sequences whose rows are not here yet. */
    int unresolved() {
        return unresolved;
    }

    @Nullable
    Entry first() {
        return untaken.peekFirst();
    }

    /** Takes the first sequence out, which must be resolved. */
    void removeFirst() {
        Entry entry = untaken.removeFirst();
        untakenTokens -= entry.tokens();
        if (entry.failure != null) {
            failedSequences++;
        }
    }

    /** The earliest sequence that no call is answering. */
    @Nullable
    Entry firstWaiting() {
        return waiting.peek();
    }

    /** The earliest waiting sequence is being asked for. */
    void removeFirstWaiting() {
        waiting.remove();
    }

    /** A sequence has to be asked for again; what had come of it is dropped. */
    void askAgain(Entry entry, long droppedBytes) {
        reaskedSequences++;
        reaskedPositions += entry.positions();
        discardedBytes += droppedBytes;
        waiting.add(entry);
    }

    void resolve(Entry entry, Targets targets) {
        entry.targets = targets;
        unresolved--;
        receivedSequences++;
        receivedPositions += targets.rows();
        narrowedPositions += targets.narrowedRows();
        blockBytes += targets.blockBytes();
        targets.rowsBySource().forEach((source, rows) -> receivedBySource.merge(source, (long) rows, Long::sum));
    }

    void fail(Entry entry, TeacherException failure, long droppedBytes) {
        entry.failure = failure;
        unresolved--;
        discardedBytes += droppedBytes;
    }

    void discard(long bytes) {
        discardedBytes += bytes;
    }

    void countReconnect() {
        reconnects++;
    }

    void countStall(long nanos) {
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
                discardedBytes,
                reconnects,
                stallNanos);
    }
}
