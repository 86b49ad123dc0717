package dev.lyne.teacher.score;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.lm.scoring.ScoreOutcome;
import dev.lyne.row.RowContent;
import dev.lyne.row.RowSource;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.ScoreJob;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A sequence being looked for or computed, and who waits for it. It lives while any waiter does, and its deadline is the
 * latest of theirs. A waiter whose own deadline has passed when the computation starts is told so then, as if it had asked
 * alone.
 *
 * <p>{@code plan} and {@code deadline} are written with the {@code flight} lock and read without.
 */
final class Computation implements ScoreJob {
    private record Waiting(Callback callback, CachedSelection wanted, Deadline deadline, RowSource source) {}

    private final SingleFlight flight;
    private final RowsQuery query;
    private final boolean shared;

    @GuardedBy("flight")
    private final List<Waiting> waiters = new ArrayList<>(1);

    private volatile Plan plan; // written before it is submitted, with the lock
    private volatile Deadline deadline;

    @GuardedBy("flight")
    private boolean started;

    @GuardedBy("flight")
    private boolean encoding;

    Computation(SingleFlight flight, RowsQuery query, Plan plan, Deadline deadline, boolean shared) {
        this.flight = flight;
        this.query = query;
        this.plan = plan;
        this.shared = shared;
        this.deadline = deadline;
    }

    RowsQuery query() {
        return query;
    }

    boolean shared() {
        return shared;
    }

    /** The rows that will be there. */
    CachedSelection holds() {
        return plan.holds();
    }

    /** Computes other rows, which contain those that it would have. Called with the lock held, before it is submitted. */
    void widen(Plan wider) {
        plan = wider;
    }

    Plan plan() {
        return plan;
    }

    /**
     * Has the rows encoded exactly, where they then answer a query that they would not, and none has begun to encode them. Called with
     * the lock held.
     */
    boolean refine(RowsQuery other) {
        synchronized (flight) {
            CachedSelection exact = plan.holds().exact();
            if (encoding || !other.answeredBy(exact)) {
                return false;
            }
            plan = plan.holding(exact);
            return true;
        }
    }

    /** What the rows are to be encoded as, from now on for good. */
    CachedSelection beginEncoding() {
        synchronized (flight) {
            encoding = true;
            return plan.holds();
        }
    }

    /** Adds the first asker. */
    CancellationHandle begin(Callback callback) {
        synchronized (flight) {
            return add(new Waiting(callback, query.wanted(), deadline, RowSource.COMPUTED));
        }
    }

    /** Adds another asker. Called with the lock held, so that the computation is still in the table. */
    CancellationHandle join(Callback callback, CachedSelection wanted, Deadline itsDeadline) {
        synchronized (flight) {
            deadline = deadline.latest(itsDeadline);
            return add(new Waiting(callback, wanted, itsDeadline, RowSource.COALESCED));
        }
    }

    @GuardedBy("flight")
    private CancellationHandle add(Waiting waiting) {
        waiters.add(waiting);
        return () -> {
            synchronized (flight) {
                if (!waiters.remove(waiting)) {
                    return false;
                }
                if (waiters.isEmpty()) {
                    flight.drop(this);
                } else {
                    deadline = waiters.stream()
                            .map(Waiting::deadline)
                            .reduce(Deadline::latest)
                            .orElseThrow();
                }
                return true;
            }
        };
    }

    /** True while somebody waits whose time has not passed; where everybody's has, they are told, and it is over. */
    boolean wanted(long nowNanos) {
        boolean waitedFor;
        synchronized (flight) {
            waitedFor = !waiters.isEmpty();
        }
        return waitedFor && !expire(nowNanos);
    }

    /**
     * Answers with rows that a tier had: no waiter of any had them computed.
     *
     * @return whether that was all; false where one that joined wants finer rows, which are to be computed
     */
    boolean found(StoredRows rows, RowSource source) {
        return end(
                waiting -> query.contains(rows.holds(), waiting.wanted()),
                waiting -> flight.answer(waiting.callback(), waiting.wanted(), query.tokens(), rows, source));
    }

    @Override
    public ScoreItem item() {
        return plan.item();
    }

    @Override
    public RowContent content() {
        return plan.content();
    }

    @Override
    public long entries() {
        return entries(holds());
    }

    /** Entries that rows of the teacher hold at most. */
    long entries(CachedSelection rows) {
        return rows.format().entries(rows.positions().length, query.teacher().vocabularySize());
    }

    @Override
    public boolean overdue(long nowNanos) {
        return deadline.passed(nowNanos);
    }

    @Override
    public boolean expire(long nowNanos) {
        synchronized (flight) {
            // A waiter with more time may have joined since the caller looked; with the lock held, none can.
            if (started || !deadline.passed(nowNanos)) {
                return false;
            }
            flight.forget(this);
        }
        end(Computation::tellLate);
        return true;
    }

    @Override
    public boolean start(long nowNanos) {
        List<Waiting> late = new ArrayList<>();
        boolean live;
        synchronized (flight) {
            for (Iterator<Waiting> each = waiters.iterator(); each.hasNext(); ) {
                Waiting waiting = each.next();
                if (waiting.deadline().passed(nowNanos)) {
                    late.add(waiting);
                    each.remove();
                }
            }
            live = !waiters.isEmpty();
            started = live;
            if (!live) {
                flight.forget(this);
            }
        }
        late.forEach(waiting -> tell(waiting, Computation::tellLate));
        return live;
    }

    @Override
    public void scored(ScoreOutcome.Scored rows) {
        StoredRows stored;
        try {
            stored = flight.encode(this, rows);
        } catch (Throwable e) {
            failed(SingleFlight.notEncoded(e));
            return;
        }
        end(waiting -> flight.answer(waiting.callback(), waiting.wanted(), query.tokens(), stored, waiting.source()));
    }

    @Override
    public void failed(Failure failure) {
        end(waiting -> waiting.callback().failed(failure));
    }

    /**
     * The one place where a computation ends: it leaves the table, then everybody who waited is told, whatever becomes of the others.
     * Nobody can join after the first, and whoever waited is told once, so ending twice does nothing.
     */
    private void end(Consumer<Waiting> tell) {
        boolean unused = end(waiting -> true, tell);
    }

    /** Ends for some of those who wait, and where they are all, for good; returns whether they are. */
    private boolean end(Predicate<Waiting> which, Consumer<Waiting> tell) {
        List<Waiting> told;
        boolean all;
        synchronized (flight) {
            told = waiters.stream().filter(which).toList();
            waiters.removeAll(told);
            all = waiters.isEmpty();
            if (all) {
                flight.forget(this);
            }
        }
        told.forEach(waiting -> tell(waiting, tell));
        return all;
    }

    private static void tell(Waiting waiting, Consumer<Waiting> tell) {
        try {
            tell.accept(waiting);
        } catch (Throwable e) {
            SingleFlight.callbackThrew(waiting.callback(), e);
        }
    }

    private static void tellLate(Waiting waiting) {
        waiting.callback()
                .failed(new Failure(
                        Failure.Reason.DEADLINE_PASSED,
                        "timeout_millis: passed before the sequence's turn came (expected: more time, or less load)"));
    }
}
