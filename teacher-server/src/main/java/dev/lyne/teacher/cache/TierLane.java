package dev.lyne.teacher.cache;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.Lookup;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A slower tier with the threads that wait for it, so that nobody else does. Safe for several threads.
 *
 * <p>Lookups wait in the order they came, as many as admission lets in. Writes wait behind the answers, bounded by bytes; one
 * that does not fit is dropped and counted, since it can be computed again and a response cannot wait. Lookups see what waits
 * to be written, so that rows never are in no tier. Waiting rows are the arrays that the streams refer to, not copies.
 */
final class TierLane {
    private static final Logger LOG = LoggerFactory.getLogger(TierLane.class);
    private static final int LEAST_LAST_CALL_SECONDS = 1;

    private final Tier tier;
    private final RowSource source;
    private final LaneOptions options;
    private final LongSupplier nanoClock;
    private final TierMetrics metrics;
    private final ExecutorService lookups;
    private final ExecutorService writes;
    private final Map<CacheKey, StoredRows> unwritten = new ConcurrentHashMap<>();
    private final AtomicLong unwrittenBytes = new AtomicLong();

    /** Takes the tier over, to close it. */
    TierLane(Tier tier, LaneOptions options, LongSupplier nanoClock, TierMetrics metrics) {
        this.tier = tier;
        this.source = RowSource.cached(tier.name());
        this.options = options;
        this.nanoClock = nanoClock;
        this.metrics = metrics;
        this.lookups = Executors.newFixedThreadPool(options.lookupThreads(), lookup -> daemon(lookup, "lookup"));
        this.writes = Executors.newSingleThreadExecutor(write -> daemon(write, "write"));
        metrics.gauge("unwritten.bytes", "Bytes of rows that wait to be written", unwrittenBytes::get);
    }

    private Thread daemon(Runnable runnable, String work) {
        Thread thread = new Thread(runnable, "lyne-" + tier.name() + "-" + work);
        thread.setDaemon(true);
        return thread;
    }

    /** Returns the source that rows from here are marked with. */
    RowSource source() {
        return source;
    }

    /**
     * Looks rows up and gives what is held, whether or not it answers, on a thread of the lane; not at all where the lookup is not
     * wanted by then.
     */
    void find(Lookup lookup, Consumer<Optional<StoredRows>> answer) {
        long askedNanos = nanoClock.getAsLong();
        try {
            lookups.execute(() -> {
                try {
                    if (lookup.wanted()) {
                        answer.accept(take(lookup.query(), askedNanos));
                    }
                } catch (Throwable e) {
                    lookup.failed(e);
                }
            });
        } catch (RejectedExecutionException e) {
            metrics.skipped(); // the server closes
            answer.accept(Optional.empty());
        }
    }

    private Optional<StoredRows> take(RowsQuery query, long askedNanos) {
        if (nanoClock.getAsLong() - askedNanos > options.longestTurn().toNanos()) {
            metrics.skipped();
            return Optional.empty();
        }
        StoredRows waiting = unwritten.get(query.key());
        if (waiting != null && query.answeredBy(waiting.holds())) {
            metrics.hit(waiting.bytes());
            return Optional.of(waiting);
        }
        try {
            Optional<StoredRows> found = tier.find(query);
            found.ifPresent(stored -> count(query, stored));
            return found;
        } catch (Throwable e) {
            // A tier turns what it can foresee into a miss; what is left is a defect, and the sequence is computed.
            metrics.failed(String.valueOf(e));
            LOG.error("a lookup of the {} tier failed", tier.name(), e);
            return Optional.empty();
        } finally {
            metrics.lookedUp(nanoClock.getAsLong() - askedNanos);
        }
    }

    private void count(RowsQuery query, StoredRows found) {
        if (query.answeredBy(found.holds())) {
            metrics.hit(found.bytes());
        } else {
            metrics.missed();
        }
    }

    /** Writes rows later, or drops them where too many wait. Never blocks. */
    void keep(CacheKey key, StoredRows rows) {
        long bytes = rows.bytes();
        if (unwrittenBytes.addAndGet(bytes) > options.maxUnwrittenBytes()) {
            unwrittenBytes.addAndGet(-bytes);
            metrics.droppedWrites(1);
            return;
        }
        unwritten.put(key, rows);
        try {
            writes.execute(() -> write(key, rows));
        } catch (RejectedExecutionException e) {
            forget(key, rows);
            metrics.droppedWrites(1); // the server closes
        }
    }

    private void write(CacheKey key, StoredRows rows) {
        try {
            tier.keep(key, rows);
        } catch (Throwable e) {
            metrics.failed(String.valueOf(e));
            LOG.error("a write to the {} tier failed", tier.name(), e);
        } finally {
            forget(key, rows);
        }
    }

    private void forget(CacheKey key, StoredRows rows) {
        unwritten.remove(key, rows); // unless other rows took its place
        unwrittenBytes.addAndGet(-rows.bytes());
    }

    /** Writes what waits until the time has come, drops the rest, and closes the tier. */
    void close(long endNanos) throws InterruptedException {
        writes.shutdown();
        lookups.shutdown();
        if (!writes.awaitTermination(endNanos - nanoClock.getAsLong(), TimeUnit.NANOSECONDS)) {
            int dropped = writes.shutdownNow().size();
            metrics.droppedWrites(dropped);
            LOG.warn("{} sequences were not written to the {} tier before the drain ended", dropped, tier.name());
        }
        lookups.shutdownNow(); // streams have ended: nobody waits for a lookup any more
        long lastNanos = Math.max(endNanos, nanoClock.getAsLong() + TimeUnit.SECONDS.toNanos(LEAST_LAST_CALL_SECONDS));
        boolean idle = writes.awaitTermination(lastNanos - nanoClock.getAsLong(), TimeUnit.NANOSECONDS)
                && lookups.awaitTermination(lastNanos - nanoClock.getAsLong(), TimeUnit.NANOSECONDS);
        if (idle) {
            tier.close();
        } else {
            LOG.warn("the {} tier is still at work and is left as it is", tier.name());
        }
    }
}
