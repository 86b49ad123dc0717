package dev.lyne.teacher.cache.shared;

import dev.lyne.teacher.cache.Tier;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.entry.EntryFormat;
import dev.lyne.teacher.cache.entry.EntryReader;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreaker.State;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.lettuce.core.RedisCommandExecutionException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Encoded rows in a Redis server that replicas share. Safe for several threads.
 *
 * <p>A lookup has half the budget for its call; the other half is for waiting for its turn ({@link SharedTierOptions#longestTurn}). A call that
 * does not answer in time is a failure, and where half of the last {@value #WINDOW_CALLS} failed, the breaker opens: from then
 * on a lookup costs nothing, until, after a pause, one call probes whether the server is back.
 */
public final class SharedTier implements Tier {
    /** The tier. */
    public static final String NAME = "shared";

    private static final Logger LOG = LoggerFactory.getLogger(SharedTier.class);
    private static final int WINDOW_CALLS = 10;
    private static final int LEAST_CALLS = 4;
    private static final Duration FIRST_CONNECT = Duration.ofSeconds(10);
    private static final Duration LEAST_WRITE_LIMIT = Duration.ofSeconds(1);

    /** Keeps versions of the format, and whatever else lives in the server, apart. */
    private static final byte[] KEY_PREFIX =
            ("lyne:rows:" + EntryFormat.VERSION + ":").getBytes(StandardCharsets.US_ASCII);

    private final SharedTierOptions options;
    private final TierMetrics metrics;
    private final EntryReader reader;
    private final Duration readLimit;
    private final Duration writeLimit;
    private final RedisConnection connection;
    private final CircuitBreaker breaker;

    private SharedTier(SharedTierOptions options, TierMetrics metrics) {
        this.options = options;
        this.metrics = metrics;
        this.reader = new EntryReader(metrics);
        this.readLimit = options.longestRead();
        this.writeLimit = options.budget().compareTo(LEAST_WRITE_LIMIT) > 0 ? options.budget() : LEAST_WRITE_LIMIT;
        this.connection = new RedisConnection(options.server());
        this.breaker = CircuitBreaker.of(
                "shared-tier",
                CircuitBreakerConfig.custom()
                        .slidingWindowSize(WINDOW_CALLS)
                        .minimumNumberOfCalls(LEAST_CALLS)
                        .failureRateThreshold(50)
                        .waitDurationInOpenState(options.openFor())
                        .permittedNumberOfCallsInHalfOpenState(1)
                        .ignoreExceptions(RedisCommandExecutionException.class) // "out of memory" is an answer, too
                        .writableStackTraceEnabled(false)
                        .build());
    }

    /** Opens the tier. A server that cannot be reached is a warning and an open breaker. */
    public static SharedTier open(SharedTierOptions options, TierMetrics metrics) throws InterruptedException {
        SharedTier tier = new SharedTier(options, metrics);
        tier.breaker
                .getEventPublisher()
                .onStateTransition(
                        event -> tier.changed(event.getStateTransition().getToState()));
        try {
            tier.connection.connect(FIRST_CONNECT);
        } catch (ExecutionException | TimeoutException e) {
            metrics.failed("connecting to " + options.address() + " failed: " + line(e));
            tier.breaker.transitionToOpenState();
        }
        new ServerSize(tier.connection, () -> tier.breaker.getState() == State.CLOSED).bind(metrics);
        for (State state : new State[] {State.CLOSED, State.OPEN, State.HALF_OPEN}) {
            metrics.gauge(
                    "breaker",
                    "1 for the state that the tier's breaker is in",
                    () -> tier.breaker.getState() == state ? 1 : 0,
                    "state",
                    state.name().toLowerCase(Locale.ROOT));
        }
        return tier;
    }

    private void changed(State state) {
        if (state == State.OPEN) {
            LOG.warn(
                    "the Redis server at {} does not answer; the shared tier is off, and probed every {}",
                    options.address(),
                    options.openFor());
            connection.drop();
        } else if (state == State.CLOSED) {
            LOG.info("the Redis server at {} answers; the shared tier is on", options.address());
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Optional<StoredRows> find(RowsQuery query) {
        byte[] key = key(query.key());
        Optional<byte[]> reply = guarded("a read", () -> connection.get(key, options.maxEntryBytes(), readLimit));
        if (reply.isEmpty()) {
            metrics.skipped();
            return Optional.empty();
        }
        if (reply.get().length > options.maxEntryBytes()) {
            metrics.damaged("more than " + options.maxEntryBytes() + " bytes");
            metrics.missed();
            return Optional.empty();
        }
        return reader.read(
                reply.filter(entry -> entry.length > 0), query); // Redis has no empty strings: 0 bytes is no key
    }

    @Override
    public void keep(CacheKey key, StoredRows rows) {
        if (EntryFormat.bytes(rows) > options.maxEntryBytes()) {
            metrics.droppedWrites(1);
            return;
        }
        byte[] name = key(key);
        Optional<Boolean> written = guarded("a write", () -> {
            connection.set(name, EntryFormat.write(key, rows), options.timeToLive(), writeLimit);
            return true;
        });
        written.ifPresentOrElse(unused -> metrics.wrote(rows.bytes()), () -> metrics.droppedWrites(1));
    }

    /** Calls the server where the breaker lets it; empty where it does not, or where the call fails. */
    private <T> Optional<T> guarded(String what, Callable<T> call) {
        try {
            return Optional.of(breaker.executeCallable(call));
        } catch (CallNotPermittedException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the server closes
            return Optional.empty();
        } catch (Exception e) {
            metrics.failed(what + " failed: " + line(e));
            return Optional.empty();
        }
    }

    private static String line(Exception e) {
        return String.valueOf(e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e);
    }

    static byte[] key(CacheKey key) {
        return ByteBuffer.allocate(KEY_PREFIX.length + CacheKey.BYTES)
                .put(KEY_PREFIX)
                .put(key.bytes())
                .array();
    }

    @Override
    public void close() {
        connection.close();
    }
}
