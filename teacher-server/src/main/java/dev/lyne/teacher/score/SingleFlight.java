package dev.lyne.teacher.score;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowContent;
import dev.lyne.row.RowSource;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.ScoreJob;
import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.trace.SequenceTrace;
import dev.lyne.v1.SelectionKind;
import dev.lyne.wire.RowFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * One teacher's requests: answered from memory, joined to a computation in flight, found in a slower tier, or computed. Rows that
 * are held, or on their way, answer every request that they {@linkplain CachedSelection#contains contain}. Safe for several threads.
 *
 * <p>One lock, {@code this}, guards the table of computations and each computation's waiters. A computation is in the table
 * from before the slower tiers are searched until its rows are stored in memory, wherever they came from; so whoever looks
 * with the lock held finds a computation in flight or its rows, and nothing is read or computed twice. Waiters are called,
 * tiers are searched and work is submitted without the lock; withdrawing may take the teacher's lock inside this one.
 *
 * <p>What is computed is exact until it is encoded. So a request for a finer code of rows that are on their way joins them, and they are
 * encoded exactly, which answers in every precision.
 *
 * <p>A request that bypasses the cache has a computation of its own outside the table: it neither reads, joins, is joined,
 * nor stores, so that a fresh computation never changes what others are served.
 */
public final class SingleFlight implements Scorer {
    private static final RowSource MEMORY = RowSource.cached(RowStore.MEMORY);

    private static final CompletionStage<Void> VOUCHED = CompletableFuture.completedStage(null);

    private static final PacedLog DEFECTS = new PacedLog(LoggerFactory.getLogger(SingleFlight.class));

    private final Teacher teacher;
    private final TeacherDescription description;
    private final RowStore tiers;
    private final SetAside aside;
    private final SequenceEncoder encoder;
    private final Narrowing narrowing;
    private final long maxEntries;
    private final LongSupplier nanoClock;
    private final CacheMetrics metrics;

    @GuardedBy("this")
    private final Map<CacheKey, List<Computation>> inFlight = new HashMap<>();

    /** @param maxEntries most entries that the rows of a sequence may hold */
    public SingleFlight(
            Teacher teacher,
            RowStore tiers,
            SequenceEncoder encoder,
            long maxEntries,
            LongSupplier nanoClock,
            CacheMetrics metrics) {
        this.teacher = teacher;
        this.description = teacher.description();
        this.tiers = tiers;
        this.aside = new SetAside(tiers, SetAside.MAX_BYTES, teacher::vouchSoon, metrics);
        this.encoder = encoder;
        this.narrowing = new Narrowing(encoder);
        this.maxEntries = maxEntries;
        this.nanoClock = nanoClock;
        this.metrics = metrics;
    }

    @Override
    public Set<SelectionKind> selectionKinds() {
        return teacher.selectionKinds();
    }

    @Override
    public int maxK() {
        return teacher.maxK();
    }

    @Override
    public PositionWeight positionWeight() {
        return (tokens, format) -> teacher.positionWeight(tokens, format.computed());
    }

    @Override
    public Optional<Failure> refusal(RowFormat format) {
        return teacher.refusal(format.computed()).map(line -> new Failure(Failure.Reason.INVALID_REQUEST, line));
    }

    @Override
    public CancellationHandle score(ScoreTask task, Callback callback) {
        if (task.item().positions().length == 0) {
            callback.scored(new EncodedSequence(List.of()), RowSource.COMPUTED, false);
            return CancellationHandle.ANSWERED;
        }
        RowsQuery query = RowsQuery.of(description, task);
        Plan plan = Plan.of(task, query.wanted());
        boolean shared = !task.bypassCache();
        Computation computation = new Computation(query, plan, task, shared);
        return shared ? share(computation, callback, task) : compute(computation, callback);
    }

    private CancellationHandle share(Computation computation, Callback callback, ScoreTask task) {
        RowsQuery query = computation.query();
        Optional<Failure> tooLate = Optional.empty();
        Optional<StoredRows> stored = Optional.empty();
        SetAside.@Nullable Held held = null;
        boolean answers = false;
        CancellationHandle handle = CancellationHandle.ANSWERED;
        synchronized (this) {
            Optional<Computation> running = running(query);
            if (running.isPresent()) {
                tooLate = running.get().refusal(task);
                if (tooLate.isEmpty()) {
                    metrics.coalesced.increment();
                    return running.get().join(callback, query.wanted(), task);
                }
            } else {
                held = aside.find(query).orElse(null);
                if (held != null) {
                    metrics.coalesced.increment();
                } else {
                    stored = tiers.findInMemory(query);
                    answers =
                            stored.isPresent() && query.answeredBy(stored.get().holds());
                }
                if (held == null && !answers) {
                    handle = computation.begin(callback);
                    inFlight.computeIfAbsent(query.key(), unused -> new ArrayList<>(1))
                            .add(computation);
                }
            }
        }
        if (tooLate.isPresent()) {
            callback.failed(tooLate.get());
        } else if (held != null) {
            answer(callback, query, held.rows(), RowSource.COALESCED, held.vouched());
        } else if (answers) {
            metrics.hits.increment();
            answer(callback, query.wanted(), query.tokens(), stored.orElseThrow(), MEMORY);
        } else {
            search(new Search(computation, stored));
        }
        return handle;
    }

    /** A computation in flight whose rows answer a query, or will. */
    @GuardedBy("this")
    private Optional<Computation> running(RowsQuery query) {
        for (Computation running : inFlight.getOrDefault(query.key(), List.of())) {
            if (query.answeredBy(running.holds()) || running.refine(query)) {
                return Optional.of(running);
            }
        }
        return Optional.empty();
    }

    /**
     * Tells those whose time has passed so, whoever else waits for the same: what has not started goes on for the
     * others, in their turns. To be called again and again.
     */
    public void expireOverdue() {
        long now = nanoClock.getAsLong();
        List<Computation.Waiting> late = new ArrayList<>();
        List<Computation> over = new ArrayList<>();
        synchronized (this) {
            for (List<Computation> sameKey : inFlight.values()) {
                for (Computation computation : sameKey) {
                    if (computation.overdue(now)) {
                        over.add(computation);
                    } else {
                        late.addAll(computation.takeLate(now));
                    }
                }
            }
        }
        late.forEach(waiting -> Computation.tell(waiting, Computation::tellLate));
        for (Computation computation : over) {
            if (computation.expire(now)) {
                teacher.withdraw(computation);
            }
        }
    }

    private void search(Search search) {
        try {
            tiers.search(search);
        } catch (Throwable e) {
            search.failed(e);
        }
    }

    /** First step of a computation: the slower tiers are searched, and where none has its rows, it is submitted. */
    private final class Search implements Lookup {
        private final Computation computation;
        private final Optional<StoredRows> inMemory;

        /** @param inMemory rows that do not answer */
        Search(Computation computation, Optional<StoredRows> inMemory) {
            this.computation = computation;
            this.inMemory = inMemory;
        }

        @Override
        public RowsQuery query() {
            return computation.query();
        }

        @Override
        public boolean wanted() {
            return computation.wanted(nanoClock.getAsLong());
        }

        @Override
        public void found(StoredRows stored, RowSource source) {
            metrics.hits.increment();
            if (!computation.found(stored, source)) {
                widen(computation, stored);
                submit(computation);
            }
        }

        @Override
        public void absent(List<StoredRows> others) {
            if (wanted()) {
                metrics.misses.increment();
                inMemory.ifPresent(held -> widen(computation, held));
                others.forEach(held -> widen(computation, held));
                submit(computation);
            }
        }

        @Override
        public void failed(Throwable cause) {
            DEFECTS.error("a search of the tiers failed", cause);
            computation.failed(Failure.of(Failure.Reason.SERVER_FAULT, "the caches could not be searched", cause));
        }
    }

    /**
     * A sequence being looked for or computed, and who waits for it. It lives while any waiter does, and its deadline is the
     * latest of theirs. A waiter whose own deadline passes before the computation starts is told so, and lends it its
     * turn no longer.
     *
     * <p>{@code plan}, {@code deadline} and {@code flows} are written with the lock and read without.
     */
    private final class Computation implements ScoreJob {
        private record Waiting(Callback callback, CachedSelection wanted, Deadline deadline, Flow flow) {}

        private final RowsQuery query;
        private final boolean shared;

        @GuardedBy("SingleFlight.this")
        private final List<Waiting> waiters = new ArrayList<>(1);

        /**
         * For whom it is computed, and who is told so: the first caller, who has paid for it even where it then withdraws. Where that one is
         * told anything else before the rows are computed, the next who waits.
         */
        @GuardedBy("SingleFlight.this")
        private @Nullable Waiting payer;

        private volatile Plan plan; // written before it is submitted, with the lock
        private volatile Deadline deadline;
        private volatile List<Flow> flows; // likewise: those of the waiters, of the first caller before there are any

        @GuardedBy("SingleFlight.this")
        private boolean started;

        @GuardedBy("SingleFlight.this")
        private boolean encoding;

        private volatile SequenceTrace.Phase phase = SequenceTrace.Phase.LOOKUP;

        /** Whether any of those who wait is traced; written with the lock, before {@code phase} is read, and read after that is written. */
        private volatile boolean traced;

        Computation(RowsQuery query, Plan plan, ScoreTask first, boolean shared) {
            this.query = query;
            this.plan = plan;
            this.shared = shared;
            this.deadline = first.deadline();
            this.flows = List.of(first.flow());
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
            synchronized (SingleFlight.this) {
                CachedSelection exact = plan.holds().exact();
                if (encoding || !other.answeredBy(exact)) {
                    return false;
                }
                plan = plan.holding(exact);
                return true;
            }
        }

        /** Returns the selection that the rows are encoded as, from now on for good. */
        CachedSelection beginEncoding() {
            synchronized (SingleFlight.this) {
                encoding = true;
                return plan.holds();
            }
        }

        /** Adds the first caller. */
        CancellationHandle begin(Callback callback) {
            synchronized (SingleFlight.this) {
                Waiting first = new Waiting(callback, query.wanted(), deadline, flows.get(0));
                payer = first;
                return add(first);
            }
        }

        /** Adds another caller. Called with the lock held, so that the computation is still in the table. */
        CancellationHandle join(Callback callback, CachedSelection wanted, ScoreTask task) {
            synchronized (SingleFlight.this) {
                deadline = deadline.latest(task.deadline());
                return add(new Waiting(callback, wanted, task.deadline(), task.flow()));
            }
        }

        /**
         * Why somebody is not to join: it waits for its turn, which comes too late for that one. Called with the lock
         * held.
         */
        Optional<Failure> refusal(ScoreTask task) {
            long left = task.deadline().nanosLeft(nanoClock.getAsLong());
            return left == Long.MAX_VALUE ? Optional.empty() : teacher.refusalToJoin(this, task.flow(), left);
        }

        /**
         * Takes out those whose time has passed, while others wait whose has not; none once it has started. Called
         * with the lock held.
         */
        List<Waiting> takeLate(long nowNanos) {
            synchronized (SingleFlight.this) {
                if (started
                        || waiters.stream()
                                .noneMatch(waiting -> waiting.deadline().passed(nowNanos))) {
                    return List.of();
                }
                List<Waiting> late = waiters.stream()
                        .filter(waiting -> waiting.deadline().passed(nowNanos))
                        .toList();
                waiters.removeAll(late);
                passPaymentOn(late);
                tellFlows();
                return late;
            }
        }

        @GuardedBy("SingleFlight.this")
        private CancellationHandle add(Waiting waiting) {
            waiters.add(waiting);
            SequenceTrace trace = waiting.callback().trace();
            traced |= trace != SequenceTrace.NONE;
            trace.enter(phase);
            tellFlows();
            return () -> {
                synchronized (SingleFlight.this) {
                    if (!waiters.remove(waiting)) {
                        return false;
                    }
                    if (waiters.isEmpty()) {
                        drop(this);
                    } else {
                        deadline = waiters.stream()
                                .map(Waiting::deadline)
                                .reduce(Deadline::latest)
                                .orElseThrow();
                        tellFlows();
                    }
                    return true;
                }
            };
        }

        /** Says to those who are traced what they go through now; who joins later begins there. */
        void enter(SequenceTrace.Phase next) {
            phase = next;
            traces().forEach(trace -> trace.enter(next));
        }

        @Override
        public List<SequenceTrace> traces() {
            if (!traced) {
                return List.of();
            }
            synchronized (SingleFlight.this) {
                return waiters.stream()
                        .map(waiting -> waiting.callback().trace())
                        .filter(trace -> trace != SequenceTrace.NONE)
                        .toList();
            }
        }

        /** Says who waits now: the queue gives it the earliest of their turns, and charges them when it starts. */
        @GuardedBy("SingleFlight.this")
        private void tellFlows() {
            List<Flow> now = waiters.stream().map(Waiting::flow).distinct().toList();
            if (!now.equals(flows)) {
                flows = now;
                teacher.flowsChanged(this);
            }
        }

        /** True while somebody waits whose time has not passed; where everybody's has, they are told, and it is over. */
        boolean wanted(long nowNanos) {
            boolean waitedFor;
            synchronized (SingleFlight.this) {
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
                    waiting -> answer(waiting.callback(), waiting.wanted(), query.tokens(), rows, source));
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
            return rows.format()
                    .entries(rows.positions().length, query.teacher().vocabularySize());
        }

        @Override
        public List<Flow> flows() {
            return flows;
        }

        @Override
        public long nanosLeft(long nowNanos) {
            return deadline.nanosLeft(nowNanos);
        }

        @Override
        public boolean overdue(long nowNanos) {
            return deadline.passed(nowNanos);
        }

        @Override
        public boolean expire(long nowNanos) {
            return giveUp(nowNanos, false, Computation::tellLate);
        }

        @Override
        public boolean endLate(long nowNanos) {
            return giveUp(nowNanos, true, waiting -> tellLate(waiting, "the engine answered"));
        }

        private boolean giveUp(long nowNanos, boolean whereStarted, Consumer<Waiting> tell) {
            synchronized (SingleFlight.this) {
                // A waiter with more time may have joined since the caller looked; with the lock held, none can.
                if ((started && !whereStarted) || !deadline.passed(nowNanos)) {
                    return false;
                }
                forget(this);
            }
            end(tell);
            return true;
        }

        @Override
        public boolean start(long nowNanos) {
            List<Waiting> late = new ArrayList<>();
            boolean live;
            synchronized (SingleFlight.this) {
                for (Iterator<Waiting> each = waiters.iterator(); each.hasNext(); ) {
                    Waiting waiting = each.next();
                    if (waiting.deadline().passed(nowNanos)) {
                        late.add(waiting);
                        each.remove();
                    }
                }
                live = !waiters.isEmpty();
                started = live;
                if (live) {
                    passPaymentOn(late);
                } else {
                    forget(this);
                }
            }
            late.forEach(waiting -> tell(waiting, Computation::tellLate));
            enter(SequenceTrace.Phase.COMPUTE);
            return live;
        }

        /** Has the next who waits pay, where who was to is among those that are told without a computation. */
        @GuardedBy("SingleFlight.this")
        private void passPaymentOn(List<Waiting> told) {
            for (Waiting waiting : told) {
                if (waiting == payer) {
                    payer = waiters.get(0);
                    return;
                }
            }
        }

        private RowSource source(Waiting waiting) {
            synchronized (SingleFlight.this) {
                return waiting == payer ? RowSource.COMPUTED : RowSource.COALESCED;
            }
        }

        @Override
        public void scored(ScoreOutcome.Scored rows) {
            scored(rows, VOUCHED);
        }

        @Override
        public void scored(ScoreOutcome.Scored rows, CompletionStage<Void> vouched) {
            enter(SequenceTrace.Phase.ENCODE);
            StoredRows stored;
            try {
                stored = encode(this, rows, vouched);
            } catch (Throwable e) {
                failed(notEncoded(e));
                return;
            }
            end(waiting -> {
                if (vouched != VOUCHED) {
                    unvouched(waiting.callback(), waiting.wanted(), vouched);
                }
                answer(waiting.callback(), waiting.wanted(), query.tokens(), stored, source(waiting));
            });
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
            synchronized (SingleFlight.this) {
                told = waiters.stream().filter(which).toList();
                waiters.removeAll(told);
                all = waiters.isEmpty();
                if (all) {
                    forget(this);
                } else {
                    passPaymentOn(told);
                    tellFlows();
                }
            }
            told.forEach(waiting -> tell(waiting, tell));
            return all;
        }

        private static void tell(Waiting waiting, Consumer<Waiting> tell) {
            try {
                tell.accept(waiting);
            } catch (Throwable e) {
                callbackThrew(waiting.callback(), e);
            }
        }

        private static void tellLate(Waiting waiting) {
            tellLate(waiting, "the sequence's turn came");
        }

        private static void tellLate(Waiting waiting, String what) {
            waiting.callback()
                    .failed(new Failure(
                            Failure.Reason.DEADLINE_PASSED,
                            "timeout_millis: passed before " + what + " (expected: more time, or less load)"));
        }
    }

    /** Has a computation replace rows that are held by wider ones, where that is possible. Not where bits have to be fresh ones. */
    private void widen(Computation computation, StoredRows held) {
        if (description.deterministic()) {
            return;
        }
        synchronized (this) {
            CachedSelection wider = Widening.of(held.holds(), computation.holds(), description.vocabularySize());
            if (computation.entries(wider) > maxEntries
                    || teacher.refusal(wider.format().computed()).isPresent()) {
                return; // too much for one sequence: then the wider rows are not kept beside the held ones
            }
            computation.widen(computation.plan().widenedTo(wider));
        }
    }

    private CancellationHandle compute(Computation computation, Callback callback) {
        metrics.bypassed.increment();
        CancellationHandle handle = computation.begin(callback);
        submit(computation);
        return handle;
    }

    private void submit(Computation computation) {
        computation.enter(SequenceTrace.Phase.QUEUE);
        if (!teacher.score(computation)) {
            computation.failed(new Failure(
                    Failure.Reason.DRAINING,
                    "teacher " + description.name() + " takes no more work (expected: a live one)"));
        }
    }

    /** Takes a computation out of the table; a later request for the same begins a new one. */
    private synchronized void forget(Computation computation) {
        List<Computation> sameKey = inFlight.get(computation.query().key());
        if (sameKey != null && sameKey.remove(computation) && sameKey.isEmpty()) {
            inFlight.remove(computation.query().key());
        }
    }

    /** Drops a computation that nobody waits for any more. */
    private synchronized void drop(Computation computation) {
        forget(computation);
        teacher.withdraw(computation);
    }

    private StoredRows encode(Computation computation, ScoreOutcome.Scored rows, CompletionStage<Void> vouched) {
        RowsQuery query = computation.query();
        StoredRows encoded = encoder.encode(query.tokens(), computation.beginEncoding(), rows);
        if (computation.shared() && vouched == VOUCHED) {
            tiers.keep(query, encoded);
        } else if (computation.shared()) {
            aside.keep(query, encoded, vouched);
        }
        return encoded;
    }

    private void unvouched(Callback callback, CachedSelection wanted, CompletionStage<Void> vouched) {
        callback.unvouched(wanted.positions().length, vouched);
        if (callback.waitsForVouching()) {
            teacher.vouchSoon();
        }
    }

    /** Gives a waiter what it wants of rows that are not vouched for yet. */
    private void answer(
            Callback callback, RowsQuery query, StoredRows stored, RowSource source, CompletionStage<Void> vouched) {
        unvouched(callback, query.wanted(), vouched);
        answer(callback, query.wanted(), query.tokens(), stored, source);
    }

    /** Gives a waiter what it wants of rows that contain it. */
    private void answer(Callback callback, CachedSelection wanted, int[] tokens, StoredRows stored, RowSource source) {
        EncodedSequence rows;
        try {
            rows = narrowing.answer(stored, tokens, wanted);
        } catch (Throwable e) {
            callback.failed(notEncoded(e));
            return;
        }
        boolean narrowed = Narrowing.narrows(stored.holds(), wanted);
        if (narrowed) {
            metrics.narrowed.increment();
        }
        callback.scored(rows, source, narrowed);
    }

    private static Failure notEncoded(Throwable e) {
        DEFECTS.error("rows cannot be encoded", e);
        return Failure.of(Failure.Reason.MODEL_FAILED, "the model's rows cannot be encoded", e);
    }

    /** Tells a waiter that threw at what it was told that it failed, and leaves it at that. */
    private static void callbackThrew(Callback callback, Throwable cause) {
        DEFECTS.error("an answer could not be taken", cause);
        try {
            callback.failed(Failure.of(Failure.Reason.SERVER_FAULT, "the answer could not be sent", cause));
        } catch (Throwable e) {
            DEFECTS.error("a failure could not be taken", e);
        }
    }
}
