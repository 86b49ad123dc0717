package dev.lyne.teacher.cache;

import dev.lyne.lm.scoring.SelectedRows;
import dev.lyne.teacher.batch.Batcher;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.TeacherDescription;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * One teacher's requests: answered from memory, joined to an equal computation in flight, found in a slower tier, or computed.
 * Safe for several threads.
 *
 * <p>One lock, {@code this}, guards the table of computations and each computation's waiters. A computation is in the table
 * from before the slower tiers are searched until its rows are stored in memory, wherever they came from; so whoever looks
 * with the lock held finds a computation in flight or its rows, and nothing is read or computed twice. Waiters are called,
 * tiers are searched and work is submitted without the lock; withdrawing takes the batcher's lock inside this one.
 *
 * <p>A request that bypasses the cache has a computation of its own outside the table: it neither reads, joins, is joined,
 * nor stores, so that a fresh computation never changes what others are served.
 */
public final class SingleFlight {
    private final TeacherDescription teacher;
    private final CacheTiers tiers;
    private final SequenceEncoder encoder;
    private final Batcher batcher;
    private final LongSupplier nanoClock;
    private final CacheMetrics metrics;
    private final Map<CacheKey, List<Computation>> inFlight = new HashMap<>(); // guarded by this

    public SingleFlight(
            TeacherDescription teacher,
            CacheTiers tiers,
            SequenceEncoder encoder,
            Batcher batcher,
            LongSupplier nanoClock,
            CacheMetrics metrics) {
        this.teacher = teacher;
        this.tiers = tiers;
        this.encoder = encoder;
        this.batcher = batcher;
        this.nanoClock = nanoClock;
        this.metrics = metrics;
    }

    /** Answers a task, now or later. Never blocks. The waiter may be called before this returns. */
    public Ticket score(ScoreTask task, Waiter waiter) {
        if (task.item().positions().length == 0) {
            waiter.scored(new EncodedSequence(List.of()), Origin.COMPUTED);
            return Ticket.ANSWERED;
        }
        RowsQuery query = RowsQuery.of(teacher, task);
        return task.bypassCache() ? compute(query.key(), task, waiter) : share(query, task, waiter);
    }

    private Ticket share(RowsQuery query, ScoreTask task, Waiter waiter) {
        CacheKey key = query.key();
        Computation computation = new Computation(this, key, task, true);
        Optional<StoredRows> stored;
        Ticket ticket = Ticket.ANSWERED;
        synchronized (this) {
            for (Computation running : inFlight.getOrDefault(key, List.of())) {
                if (Holdings.contains(running.holds(), task.wanted())) {
                    metrics.coalesced.increment();
                    return running.join(waiter, task.deadline());
                }
            }
            stored = tiers.findInMemory(query);
            if (stored.isEmpty()) {
                ticket = computation.begin(waiter);
                inFlight.computeIfAbsent(key, unused -> new ArrayList<>(1)).add(computation);
            }
        }
        if (stored.isPresent()) {
            metrics.hits.increment();
            waiter.scored(stored.get().rows(), Origin.MEMORY);
        } else {
            tiers.search(new Search(query, computation));
        }
        return ticket;
    }

    /** What a computation does first: the slower tiers are searched, and where none has its rows, it is submitted. */
    private final class Search implements Lookup {
        private final RowsQuery query;
        private final Computation computation;

        Search(RowsQuery query, Computation computation) {
            this.query = query;
            this.computation = computation;
        }

        @Override
        public RowsQuery query() {
            return query;
        }

        @Override
        public boolean wanted() {
            return computation.wanted(nanoClock.getAsLong());
        }

        @Override
        public void found(StoredRows stored, Origin origin) {
            metrics.hits.increment();
            computation.found(stored.rows(), origin);
        }

        @Override
        public void absent() {
            if (wanted()) {
                metrics.misses.increment();
                submit(computation);
            }
        }
    }

    private Ticket compute(CacheKey key, ScoreTask task, Waiter waiter) {
        metrics.bypassed.increment();
        Computation computation = new Computation(this, key, task, false);
        Ticket ticket;
        synchronized (this) {
            ticket = computation.begin(waiter);
        }
        submit(computation);
        return ticket;
    }

    private void submit(Computation computation) {
        if (!batcher.submit(computation)) {
            computation.failed(new Failure(
                    Failure.Reason.DRAINING,
                    "teacher " + teacher.name() + " takes no more work (expected: a live one)"));
        }
    }

    /** Takes a computation out of the table; a later request for the same begins a new one. Called with the lock held. */
    void forget(Computation computation) {
        List<Computation> sameKey = inFlight.get(computation.key());
        if (sameKey != null && sameKey.remove(computation) && sameKey.isEmpty()) {
            inFlight.remove(computation.key());
        }
    }

    /** Drops a computation that nobody waits for any more. Called with the lock held. */
    void drop(Computation computation) {
        forget(computation);
        batcher.withdraw(computation);
    }

    EncodedSequence encode(Computation computation, SelectedRows rows) {
        EncodedSequence encoded = encoder.encode(computation.task(), rows);
        if (computation.shared()) {
            tiers.keep(computation.key(), new StoredRows(computation.holds(), encoded));
        }
        return encoded;
    }
}
