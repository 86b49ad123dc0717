package dev.lyne.client;

import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Timer that is set to the earliest moment asked for; it may go off too early, never too late. Guarded by its pool's
 * lock.
 */
final class Timer {
    private static final long NEVER = Long.MAX_VALUE;

    private final ScheduledExecutorService executor;
    private final Runnable action;
    private @Nullable ScheduledFuture<?> pending;
    private long atNanos = NEVER;

    Timer(ScheduledExecutorService executor, Runnable action) {
        this.executor = executor;
        this.action = action;
    }

    /** Sets it for a moment, unless it is set for an earlier one that is still to come; Long.MAX_VALUE is no moment. */
    void set(long nanos, long nowNanos) {
        if (nanos == NEVER) {
            cancel();
        } else if (pending == null || nanos < atNanos || atNanos <= nowNanos) {
            cancel();
            atNanos = Math.max(nanos, nowNanos);
            pending = executor.schedule(action, atNanos - nowNanos, TimeUnit.NANOSECONDS);
        }
    }

    /** The action is running; when it should have is remembered until the timer is set anew. */
    void fired() {
        pending = null;
    }

    /** How long ago it should have gone off; 0 where it is not set, or for a moment to come. */
    long lateNanos(long nowNanos) {
        return atNanos == NEVER ? 0 : Math.max(0, nowNanos - atNanos);
    }

    void cancel() {
        if (pending != null) {
            pending.cancel(false);
            pending = null;
        }
        atNanos = NEVER;
    }
}
