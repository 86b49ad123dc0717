package dev.lyne.student.client;

import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One timer, set to the earliest moment asked for; it may go off too early, never too late. Guarded by its stream's lock. */
final class Alarm {
    private final ScheduledExecutorService timers;
    private final Runnable action;
    private @Nullable ScheduledFuture<?> pending;
    private long pendingNanos;

    Alarm(ScheduledExecutorService timers, Runnable action) {
        this.timers = timers;
        this.action = action;
    }

    /** Sets the alarm for a moment, unless it is set for an earlier one; Long.MAX_VALUE is no moment. */
    void setAt(long nanos, long nowNanos) {
        if (nanos == Long.MAX_VALUE || (pending != null && pendingNanos <= nanos)) {
            return;
        }
        cancel();
        pendingNanos = nanos;
        pending = timers.schedule(action, Math.max(nanos - nowNanos, 0), TimeUnit.NANOSECONDS);
    }

    /** The action is running. */
    void wentOff() {
        pending = null;
    }

    void cancel() {
        if (pending != null) {
            pending.cancel(false);
            pending = null;
        }
    }
}
