package dev.lyne.teacher.cache;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowSource;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.Lookup;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
 *
 * <p>A lookup that takes too long, as on a disk that is frozen, is answered as if nothing had been found, and what it
 * finds later is dropped. While one hangs in the tier, nobody else waits for it: it is passed over until what hangs
 * comes back.
 */
final class TierLane {
    private static final Logger LOG = LoggerFactory.getLogger(TierLane.class);
    private static final int LEAST_LAST_CALL_SECONDS = 1;
    private static final long BETWEEN_LOOKS_MILLIS = 250;

    private final Tier tier;
    private final RowSource source;
    private final LaneOptions options;
    private final LongSupplier nanoClock;
    private final TierMetrics metrics;
    private final ExecutorService lookups;
    private final ExecutorService writes;
    private final ScheduledExecutorService watch;

    /** Lookups that wait for their turn, or are under way. */
    private final Set<Asked> outstanding = ConcurrentHashMap.newKeySet();

    /** Lookups in the tier that take longer than any should. */
    private final AtomicInteger hanging = new AtomicInteger();

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
        this.watch = Executors.newSingleThreadScheduledExecutor(look -> daemon(look, "watch"));
        var unused = watch.scheduleWithFixedDelay(
                this::look, BETWEEN_LOOKS_MILLIS, BETWEEN_LOOKS_MILLIS, TimeUnit.MILLISECONDS);
        metrics.gauge(
                "hanging.lookups",
                "Lookups that take longer than any should: while there are any, the tier is passed over",
                hanging::get);
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
        if (hanging.get() > 0) {
            metrics.skipped();
            metrics.failed("passed over while a lookup hangs");
            answer.accept(Optional.empty());
            return;
        }
        Asked asked = new Asked(lookup, answer, nanoClock.getAsLong());
        outstanding.add(asked);
        try {
            lookups.execute(asked::run);
        } catch (RejectedExecutionException e) {
            outstanding.remove(asked);
            metrics.skipped(); // the server closes
            answer.accept(Optional.empty());
        }
    }

    /** A lookup from when it is asked for until it has come back; who asked is told once. */
    private final class Asked {
        private final Lookup lookup;
        private final Consumer<Optional<StoredRows>> answer;
        private final long askedNanos;

        @GuardedBy("this")
        private boolean told;

        @GuardedBy("this")
        private boolean begun;

        @GuardedBy("this")
        private long begunNanos;

        @GuardedBy("this")
        private boolean hangs;

        Asked(Lookup lookup, Consumer<Optional<StoredRows>> answer, long askedNanos) {
            this.lookup = lookup;
            this.answer = answer;
            this.askedNanos = askedNanos;
        }

        void run() {
            try {
                if (begin() && lookup.wanted()) {
                    Optional<StoredRows> found = take(lookup.query(), askedNanos);
                    comeBack();
                    if (mayTell()) {
                        answer.accept(found);
                    }
                }
            } catch (Throwable e) {
                lookup.failed(e);
            } finally {
                comeBack();
                outstanding.remove(this);
            }
        }

        private synchronized boolean begin() {
            begun = !told;
            begunNanos = nanoClock.getAsLong();
            return begun;
        }

        private synchronized boolean mayTell() {
            boolean first = !told;
            told = true;
            return first;
        }

        private synchronized void comeBack() {
            begun = false;
            if (hangs) {
                hangs = false;
                if (hanging.decrementAndGet() == 0) {
                    LOG.info("the {} tier answers again", tier.name());
                }
            }
        }

        /** Passes the tier over where that takes too long; whoever looks calls it again and again. */
        void look(long nowNanos) {
            long most = options.longestLookup().toNanos();
            boolean late;
            synchronized (this) {
                if (begun && !hangs && nowNanos - begunNanos > most) {
                    hangs = true;
                    if (hanging.getAndIncrement() == 0) {
                        LOG.warn(
                                "the {} tier has not answered for {} s (expected: less); it is passed over until it does",
                                tier.name(),
                                options.longestLookup().toMillis() / 1e3);
                    }
                }
                late = !told && nowNanos - askedNanos > most;
                told |= late;
            }
            if (late) {
                metrics.skipped();
                metrics.failed("a lookup took longer than " + options.longestLookup());
                try {
                    answer.accept(Optional.empty());
                } catch (Throwable e) {
                    lookup.failed(e);
                }
            }
        }
    }

    private void look() {
        long now = nanoClock.getAsLong();
        for (Asked asked : outstanding) {
            try {
                asked.look(now);
            } catch (Throwable e) {
                LOG.error("a lookup of the {} tier could not be ended", tier.name(), e);
            }
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
        watch.shutdown();
        boolean idle = writes.awaitTermination(lastNanos - nanoClock.getAsLong(), TimeUnit.NANOSECONDS)
                && lookups.awaitTermination(lastNanos - nanoClock.getAsLong(), TimeUnit.NANOSECONDS);
        if (idle) {
            tier.close();
        } else {
            LOG.warn("the {} tier is still at work and is left as it is", tier.name());
        }
    }
}
