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

/**
 * One teacher's requests: answered from memory, joined to an equal computation in flight, or computed. Safe for several
 * threads.
 *
 * <p>One lock, {@code this}, guards the table of computations and each computation's waiters. Rows are stored before their
 * computation leaves the table, so whoever looks with the lock held finds a computation in flight or its rows, and nothing
 * is computed twice. Waiters are called, and work is submitted, without the lock; withdrawing takes the batcher's lock
 * inside this one.
 *
 * <p>A request that bypasses the cache has a computation of its own outside the table: it neither reads, joins, is joined,
 * nor stores, so that a fresh computation never changes what others are served.
 */
public final class SingleFlight {
    private final TeacherDescription teacher;
    private final MemoryTier memory;
    private final SequenceEncoder encoder;
    private final Batcher batcher;
    private final CacheMetrics metrics;
    private final Map<CacheKey, List<Computation>> inFlight = new HashMap<>(); // guarded by this

    public SingleFlight(
            TeacherDescription teacher,
            MemoryTier memory,
            SequenceEncoder encoder,
            Batcher batcher,
            CacheMetrics metrics) {
        this.teacher = teacher;
        this.memory = memory;
        this.encoder = encoder;
        this.batcher = batcher;
        this.metrics = metrics;
    }

    /** Answers a task, now or later. Never blocks. The waiter may be called before this returns. */
    public Ticket score(ScoreTask task, Waiter waiter) {
        if (task.item().positions().length == 0) {
            waiter.scored(new EncodedSequence(List.of()), Origin.COMPUTED);
            return Ticket.ANSWERED;
        }
        CacheKey key = CacheKey.of(teacher, task.item().tokens());
        return task.bypassCache() ? compute(key, task, waiter) : share(key, task, waiter);
    }

    private Ticket share(CacheKey key, ScoreTask task, Waiter waiter) {
        Computation computation = new Computation(this, key, task, true);
        Optional<EncodedSequence> stored;
        Ticket ticket = Ticket.ANSWERED;
        synchronized (this) {
            for (Computation running : inFlight.getOrDefault(key, List.of())) {
                if (Holdings.contains(running.holds(), task.wanted())) {
                    metrics.coalesced.increment();
                    return running.join(waiter, task.deadline());
                }
            }
            stored = memory.find(key, task.wanted());
            if (stored.isEmpty()) {
                ticket = computation.begin(waiter);
                inFlight.computeIfAbsent(key, unused -> new ArrayList<>(1)).add(computation);
            }
        }
        if (stored.isPresent()) {
            metrics.hits.increment();
            waiter.scored(stored.get(), Origin.MEMORY);
        } else {
            metrics.misses.increment();
            submit(computation);
        }
        return ticket;
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
            memory.keep(computation.key(), computation.holds(), encoded);
        }
        return encoded;
    }
}
