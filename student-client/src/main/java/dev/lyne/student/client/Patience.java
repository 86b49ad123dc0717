package dev.lyne.student.client;

import java.time.Duration;

/** How long a stream has gone without rows, and how long it may. Guarded by its stream's lock. */
final class Patience {
    private final StreamState state;
    private final long limitNanos;
    private long progressNanos;

    Patience(StreamState state, Duration limit) {
        this.state = state;
        this.limitNanos = limit.toNanos();
    }

    /** Rows have come, or the first sequence that has to be waited for. */
    void renew() {
        progressNanos = state.nowNanos();
    }

    boolean isOver(long nowNanos) {
        return nowNanos - progressNanos >= limitNanos;
    }

    /** When it will be over, if no rows come. */
    long endNanos() {
        return progressNanos + limitNanos;
    }
}
