package dev.lyne.teacher.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.model.PacedLog;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.LoggerFactory;

/**
 * Tells a refusal of direct memory that passes from one that lasts. Safe for several threads.
 *
 * <p>The JDK refuses direct memory by an OutOfMemoryError that Java code throws, which {@code -XX:+ExitOnOutOfMemoryError} does not see.
 * One refusal costs a connection or a batch, and their memory comes back. Where nothing as large as what was refused has been granted
 * for ten seconds, and something is refused again, the server answers nobody rightly any more. Refusals more than a minute apart have
 * nothing to do with each other: what was too large twice is no exhausted server.
 */
final class DirectMemoryWatch {
    static final long LASTING_NANOS = TimeUnit.SECONDS.toNanos(10);

    static final long APART_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final LongSupplier nanoClock;
    private final Consumer<OutOfMemoryError> onExhausted;
    private final PacedLog refusals = new PacedLog(LoggerFactory.getLogger(DirectMemoryWatch.class));

    /** Whether something was refused and nothing as large granted since; read without the lock by every allocation. */
    private volatile boolean refusing;

    @GuardedBy("this")
    private long leastBytes;

    @GuardedBy("this")
    private long sinceNanos;

    @GuardedBy("this")
    private long lastNanos;

    /** @param onExhausted told of the last refusal each time that one finds memory exhausted; may be called more than once */
    DirectMemoryWatch(LongSupplier nanoClock, Consumer<OutOfMemoryError> onExhausted) {
        this.nanoClock = nanoClock;
        this.onExhausted = onExhausted;
    }

    /** So much was refused. */
    void refused(long bytes, OutOfMemoryError refusal) {
        boolean lasts;
        synchronized (this) {
            long now = nanoClock.getAsLong();
            if (!refusing || now - lastNanos > APART_NANOS) {
                refusing = true;
                sinceNanos = now;
                leastBytes = bytes;
            }
            lastNanos = now;
            leastBytes = Math.min(leastBytes, bytes);
            lasts = now - sinceNanos >= LASTING_NANOS;
        }
        if (lasts) {
            onExhausted.accept(refusal);
        } else {
            refusals.warn("direct memory was refused, and what asked for it ends; LYNE_DIRECT_MEMORY raises the limit: "
                    + refusal.getMessage());
        }
    }

    /** So much was granted. */
    void granted(long bytes) {
        if (!refusing) {
            return;
        }
        synchronized (this) {
            refusing &= bytes < leastBytes;
        }
    }
}
