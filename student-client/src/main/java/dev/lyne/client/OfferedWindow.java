package dev.lyne.client;

import io.opentelemetry.api.trace.StatusCode;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.Iterator;
import java.util.NavigableSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The sequences offered and not taken, in the order they will be taken, those among them that no call is answering, and the
 * stream's counts. Guarded by its pool's lock.
 */
final class OfferedWindow {
    private final int maxSequences;
    private final long maxTokens;
    private final Deque<Entry> untaken = new ArrayDeque<>();
    private final NavigableSet<Entry> waiting = new TreeSet<>();
    private long untakenTokens;
    private int unresolved;
    private long lastOrder;
    private final StreamCounts counts = new StreamCounts();

    OfferedWindow(int maxSequences, long maxTokens) {
        this.maxSequences = maxSequences;
        this.maxTokens = maxTokens;
    }

    boolean hasRoomFor(TargetSequence sequence) {
        return untaken.isEmpty()
                || (untaken.size() < maxSequences && untakenTokens + sequence.teacherTokens().length <= maxTokens);
    }

    Entry addLast(TargetSequence sequence) {
        Entry entry = new Entry(sequence, ++lastOrder);
        untaken.addLast(entry);
        counts.asked(sequence);
        return added(entry);
    }

    Entry addFirst(TargetSequence sequence) {
        Entry head = untaken.peekFirst();
        Entry entry = new Entry(sequence, head == null ? ++lastOrder : head.order - 1);
        untaken.addFirst(entry);
        counts.reasked(sequence);
        return added(entry);
    }

    private Entry added(Entry entry) {
        untakenTokens += entry.tokens();
        unresolved++;
        waiting.add(entry);
        return entry;
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
            counts.failed();
        }
    }

    /** The earliest sequence that no call is answering. */
    @Nullable
    Entry firstWaiting() {
        return waiting.isEmpty() ? null : waiting.first();
    }

    /** The sequences that no call is answering, the earliest first. */
    Iterable<Entry> waiting() {
        return Collections.unmodifiableSet(waiting);
    }

    /** A waiting sequence is being asked for. */
    void removeWaiting(Entry entry) {
        waiting.remove(entry);
    }

    /** The sequence whose rows will be taken last of those that are not here yet. */
    @Nullable
    Entry lastUnresolved() {
        Iterator<Entry> backwards = untaken.descendingIterator();
        while (backwards.hasNext()) {
            Entry entry = backwards.next();
            if (!entry.resolved()) {
                return entry;
            }
        }
        return null;
    }

    /** A sequence has to be asked for again; what had come of it is dropped. */
    void askAgain(Entry entry, long droppedBytes) {
        counts.reasked(entry.sequence);
        counts.discarded(droppedBytes);
        waiting.add(entry);
    }

    void resolve(Entry entry, Targets targets) {
        entry.targets = targets;
        unresolved--;
        counts.received(targets);
        entry.span.end();
    }

    void fail(Entry entry, TeacherException failure, long droppedBytes) {
        entry.failure = failure;
        unresolved--;
        counts.discarded(droppedBytes);
        entry.span.setStatus(StatusCode.ERROR, String.valueOf(failure.getMessage()));
        entry.span.end();
    }

    /** Nothing is waited for any more. */
    void abandon() {
        untaken.forEach(entry -> entry.span.end());
    }

    /** The counts, kept for the whole of the stream's life. */
    StreamCounts counts() {
        return counts;
    }
}
