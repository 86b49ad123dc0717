package dev.lyne.client;

import dev.lyne.wire.Digests;
import io.grpc.Status;
import io.opentelemetry.api.trace.Span;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A sequence of the window and what became of it. Guarded by its pool's lock. */
final class Entry implements Comparable<Entry> {
    /** Long before any moment, and not so long that a difference overflows. */
    static final long NEVER = Long.MIN_VALUE / 2;

    private static final long MOVE_INTERVAL_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final int MOST_LATE = 3;
    private static final int MOST_FAULTS = 2;

    final TargetSequence sequence;
    final long order;

    @Nullable
    Targets targets;

    @Nullable
    TeacherException failure;

    @Nullable
    ReplicaConnection lastFailedOn;
    /** Asks that came to nothing. */
    private int failures;
    /** Failed attempts for which the sequence may be to blame. */
    private int faults;

    private long firstFailureNanos;
    /** Span of its time in the window. */
    Span span = Span.getInvalid();
    /** Whether a second replica was asked for it, which happens once. */
    boolean hedged;
    /** Time at which it last went from one replica to a faster one. */
    long movedNanos = NEVER;
    /** Once it was wanted; below 0 before. */
    private long hash = -1;

    Entry(TargetSequence sequence, long order) {
        this.sequence = sequence;
        this.order = order;
    }

    /** Returns a hash that is the same for equal tokens of the teacher's, in every process. */
    long hash() {
        if (hash < 0) {
            hash = Integer.toUnsignedLong(Digests.tokenChecksum(sequence.teacherTokens()));
        }
        return hash;
    }

    /** Tokens that the teacher takes up. */
    int tokens() {
        return sequence.teacherTokens().length;
    }

    int positions() {
        return sequence.positions().length;
    }

    /** Returns whether the sequence went from one replica to another so lately that it stays where it is. */
    boolean movedLately(long nowNanos) {
        return nowNanos - movedNanos < MOVE_INTERVAL_NANOS;
    }

    /** Asks that came to nothing. */
    int failures() {
        return failures;
    }

    /**
     * An ask came to nothing.
     *
     * @param rowsNanos when rows last came of any sequence: while they flow the teacher is there, and the clock starts afresh
     * @param retryNanos the client's progress timeout
     * @return whether it is to be asked for again
     */
    boolean failed(CallFailure cause, CallFailure.Remedy remedy, long rowsNanos, long retryNanos, long nowNanos) {
        if (failures++ == 0) {
            firstFailureNanos = nowNanos;
        }
        return switch (remedy) {
            case GIVE_UP -> false;
            case RETRY_FEW -> ++faults < (cause.code() == Status.Code.DEADLINE_EXCEEDED ? MOST_LATE : MOST_FAULTS);
            case RETRY -> nowNanos - Math.max(firstFailureNanos, rowsNanos) < retryNanos;
        };
    }

    boolean resolved() {
        return targets != null || failure != null;
    }

    @Override
    public int compareTo(Entry that) {
        return Long.compare(order, that.order);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(order);
    }
}
