package dev.lyne.client;

import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;

/** How long a client that has no teacher yet goes on asking, and the lines that say so; one thread. */
final class OpeningTimeout {
    private static final long FIRST_LINE_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long LINES_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final long ASLEEP_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final ClientOptions options;
    private long startNanos;
    private long lastNanos;
    private long lineNanos;

    OpeningTimeout(ClientOptions options, long nowNanos) {
        this.options = options;
        this.startNanos = nowNanos;
        this.lastNanos = nowNanos;
        this.lineNanos = FIRST_LINE_NANOS;
    }

    /**
     * Throws where it is over; says from time to time what is waited for. Called every moment, unless the process sleeps.
     *
     * @param history what was tried, for people, after so many nanoseconds
     */
    void requireMore(long nowNanos, LongFunction<String> history) {
        if (nowNanos - lastNanos > ASLEEP_NANOS) {
            startNanos += nowNanos - lastNanos;
        }
        lastNanos = nowNanos;
        long waited = nowNanos - startNanos;
        if (options.listener().isStopRequested()) {
            throw new TeacherUnavailableException("stopped as asked; " + history.apply(waited));
        }
        long retryNanos = options.timeouts().retry().toNanos();
        if (waited >= retryNanos) {
            throw new TeacherUnavailableException(history.apply(waited));
        }
        if (waited >= lineNanos) {
            lineNanos = Math.min(2 * lineNanos, lineNanos + LINES_NANOS);
            options.listener()
                    .onWaiting("waiting for a teacher for " + ReplicaConnection.seconds(waited) + " (for "
                            + ReplicaConnection.seconds(retryNanos) + " at most): " + history.apply(waited));
        }
    }
}
