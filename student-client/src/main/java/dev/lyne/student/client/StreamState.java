package dev.lyne.student.client;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** The one lock of a stream, its clock, whether a replica has opened it, and whether it is over. */
final class StreamState {
    final ReentrantLock lock = new ReentrantLock();

    /** Signalled whenever a sequence is resolved, a call opens or ends, the stream fails or closes. */
    final Condition changed = lock.newCondition();

    private final LongSupplier nanoTime;
    private final long originNanos;

    // Guarded by the lock.
    private boolean opened;
    private boolean closed;
    private @Nullable TeacherException failure;

    StreamState(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.originNanos = nanoTime.getAsLong();
    }

    /** Nanoseconds since the stream was made, so that later moments are greater numbers. */
    long nowNanos() {
        return nanoTime.getAsLong() - originNanos;
    }

    /** A replica has opened the stream. */
    void opened() {
        opened = true;
        changed.signalAll();
    }

    /** Whether any replica ever has. */
    boolean everOpened() {
        return opened;
    }

    /** Closed or failed. */
    boolean isOver() {
        return closed || failure != null;
    }

    /** Throws where the stream is over. */
    void requireAlive() {
        if (failure != null) {
            throw failure;
        }
        if (closed) {
            throw new IllegalStateException("the stream of targets is closed");
        }
    }

    /** Ends the stream; false where it was over already. */
    boolean end(@Nullable TeacherException cause) {
        if (isOver()) {
            closed |= cause == null;
            return false;
        }
        closed = cause == null;
        failure = cause;
        changed.signalAll();
        return true;
    }
}
