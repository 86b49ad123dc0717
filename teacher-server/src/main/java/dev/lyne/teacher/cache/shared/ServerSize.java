package dev.lyne.teacher.cache.shared;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.cache.TierMetrics;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleSupplier;

/**
 * How much a Redis server holds, for the metrics page: what it said last. Reading it never waits for the server; it is asked anew,
 * for the next reader, where its answer is old. Safe for several threads.
 */
final class ServerSize {
    private static final long OLD_NANOS = Duration.ofSeconds(5).toNanos();

    private final RedisConnection connection;
    private final BooleanSupplier answering;
    private volatile double keys = Double.NaN;
    private volatile double bytes = Double.NaN;

    @GuardedBy("this")
    private long askedNanos = System.nanoTime() - OLD_NANOS;

    /** @param answering whether the server is worth asking */
    ServerSize(RedisConnection connection, BooleanSupplier answering) {
        this.connection = connection;
        this.answering = answering;
    }

    void bind(TierMetrics metrics) {
        metrics.gauge("bytes", "Bytes of memory that the Redis server uses", () -> knownBeforeAsking(() -> bytes));
        metrics.gauge(
                "entries",
                "Keys of the Redis server's database, whoever wrote them",
                () -> knownBeforeAsking(() -> keys));
    }

    /** Returns the value as it is known and asks for a newer one: a reader never waits for the server. */
    private double knownBeforeAsking(DoubleSupplier value) {
        double known = value.getAsDouble();
        refresh();
        return known;
    }

    private void refresh() {
        synchronized (this) {
            if (!answering.getAsBoolean() || System.nanoTime() - askedNanos < OLD_NANOS) {
                return;
            }
            askedNanos = System.nanoTime();
        }
        connection.askSize((held, used) -> {
            keys = held;
            bytes = used;
        });
    }
}
