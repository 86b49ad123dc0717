package dev.lyne.client;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * How long a stream has gone without rows and without progress, how long it may, and the lines that say so. Moments are nanoseconds
 * since the stream was made. Guarded by its pool's lock.
 */
final class ProgressTimeout {
    private static final long FIRST_LINE_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long LINES_NANOS = TimeUnit.MINUTES.toNanos(1);

    /** A device that works for others alone is waited for, but not for ever. */
    private static final int WITHOUT_ROWS = 10;

    private final ClientListener listener;
    private final Duration retry;
    private final long retryNanos;
    private final long firstLineNanos;

    private long rowsNanos;
    private long progressNanos;
    private long awokeNanos;
    /** Since when the student waits for the sequence that is next; −1: it does not. */
    private long waitingNanos = -1;
    /** How long it will have waited when a line says so next. */
    private long lineAfterNanos;

    ProgressTimeout(ClientOptions options) {
        this.listener = options.listener();
        this.retry = options.timeouts().retry();
        this.retryNanos = retry.toNanos();
        this.firstLineNanos =
                Math.min(FIRST_LINE_NANOS, options.timeouts().stuck().toNanos() / 2);
        this.lineAfterNanos = firstLineNanos;
    }

    /** The first sequence that has to be waited for is there. */
    void begin(long nowNanos) {
        rowsNanos = nowNanos;
        progressNanos = nowNanos;
    }

    void rowsCame(long nowNanos) {
        begin(nowNanos);
        if (lineAfterNanos > firstLineNanos) {
            listener.onWaiting("rows come again");
            lineAfterNanos = firstLineNanos;
        }
    }

    /** A device has moved, perhaps for others. */
    void progressed(long nowNanos) {
        progressNanos = nowNanos;
    }

    /** Starts anew, as this process was suspended until now: whatever was waited for has not waited. */
    void slept(long nowNanos) {
        begin(nowNanos);
        awokeNanos = nowNanos;
    }

    /** The student waits, if it did not before. */
    void waits(long nowNanos) {
        if (waitingNanos < 0) {
            waitingNanos = nowNanos;
        }
    }

    void waitsNoMore() {
        waitingNanos = -1;
    }

    boolean isOver(long nowNanos) {
        return nowNanos - progressNanos >= retryNanos || nowNanos - rowsNanos >= WITHOUT_ROWS * retryNanos;
    }

    /** Returns the time at which it will be over, if nothing moves. */
    long endNanos() {
        return progressNanos + retryNanos;
    }

    /** The limit that has been reached. */
    Duration withoutRows(long nowNanos) {
        return nowNanos - progressNanos >= retryNanos ? retry : retry.multipliedBy(WITHOUT_ROWS);
    }

    /** Whether the student has waited for long enough to say so. */
    boolean isLineDue(long nowNanos) {
        return waitingNanos >= 0 && waited(nowNanos) >= lineAfterNanos;
    }

    /** Says what is waited for, how long and why. */
    void tell(long nowNanos, String why) {
        long waited = waited(nowNanos);
        lineAfterNanos = Math.max(waited, Math.min(2 * lineAfterNanos, lineAfterNanos + LINES_NANOS)) + 1;
        listener.onWaiting("waiting for the teacher for " + ReplicaConnection.seconds(waited) + " (for "
                + ReplicaConnection.seconds(retryNanos) + " at most): " + why);
    }

    private long waited(long nowNanos) {
        return nowNanos - Math.max(waitingNanos, rowsNanos);
    }

    long rowsNanos() {
        return rowsNanos;
    }

    /** Returns the time at which this process last woke up. */
    long awokeNanos() {
        return awokeNanos;
    }
}
