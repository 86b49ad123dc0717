package dev.lyne.client;

import dev.lyne.row.RowSource;
import dev.lyne.v1.Rows;
import io.opentelemetry.api.trace.Span;
import org.jspecify.annotations.Nullable;

/** Attempt at a sequence on one call. */
final class Attempt {
    final long wireId;
    final Entry entry;
    final long sentNanos;
    /** Time at which it was sent, or last had an answer of its own. Guarded by the pool's lock. */
    long movedNanos;
    /** Time at which it is withdrawn, or Long.MAX_VALUE. Guarded by the pool's lock. */
    long deadlineNanos;
    /** Whether its answer is of no use any more. Guarded by the pool's lock, and read by the call's callbacks. */
    volatile boolean withdrawn;
    /** Whether the server knows that. Guarded by the pool's lock. */
    boolean cancelled;
    /** Bytes of the blocks added so far; written by the call's callbacks, read with the lock held. */
    private volatile long receivedBytes;
    /** Guarded by the pool's lock. */
    Span span = Span.getInvalid();
    /**
     * Another attempt at the same sequence, on another replica, while neither is answered. Guarded by the pool's lock.
     */
    @Nullable
    Attempt twin;
    /** Whether this is the second of the two. Guarded by the pool's lock. */
    boolean hedge;

    /** Owned by the call's callbacks. */
    private @Nullable RowAssembly assembly;

    Attempt(long wireId, Entry entry, long sentNanos, long deadlineNanos) {
        this.wireId = wireId;
        this.entry = entry;
        this.sentNanos = sentNanos;
        this.movedNanos = sentNanos;
        this.deadlineNanos = deadlineNanos;
    }

    long receivedBytes() {
        return receivedBytes;
    }

    void add(BlockIdentity identity, RowCheck check, Rows rows, RowSource source) {
        assembly(identity, check).add(rows, source);
        receivedBytes = assembly(identity, check).blockBytes();
    }

    Targets finish(BlockIdentity identity, RowCheck check, int statedRows) {
        return assembly(identity, check).finish(statedRows);
    }

    /** Made with the first block, so that a sequence without an answer holds no rows. */
    private RowAssembly assembly(BlockIdentity identity, RowCheck check) {
        RowAssembly started = assembly;
        if (started == null) {
            started = new RowAssembly(entry.sequence, identity, check);
            assembly = started;
        }
        return started;
    }
}
