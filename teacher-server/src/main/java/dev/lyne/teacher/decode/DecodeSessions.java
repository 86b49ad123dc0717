package dev.lyne.teacher.decode;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.DecodeOutcome;
import dev.lyne.row.Proposal;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.FairOrder;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.TenantShares;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sessions of all students, and their texts: what each is owed, what waits for a reader, whose turn it is, and how sessions end. What continues the
 * texts is a subclass's: a decoder on a device here ({@link DecodeScheduler}), or one elsewhere ({@link DecodeForwarder}).
 *
 * <p>What a sequence holds: its tokens; of these those from {@code answered} on are owed their log-probabilities, and {@code drawsLeft} more are
 * owed behind them.
 *
 * <p>Sessions are called from any thread. Listeners are called by the executor, without the lock, in the order in which answers were made under
 * it. The lock {@link #lock} guards all state, the subclass's too.
 */
public abstract class DecodeSessions {
    private static final Logger LOG = LoggerFactory.getLogger(DecodeSessions.class);

    /** Answers of a session that may wait to be told to its listener. */
    private static final int MAX_UNTOLD = 16;

    final TeacherDescription teacher;
    final DecodeOptions options;
    final LongSupplier nanoClock;
    final DecodeMetrics metrics;
    private final Executor telling;
    private final PacedLog defects = new PacedLog(LOG);

    /** Whether something can be run, or is to be let go of. Written under the lock. */
    volatile boolean waits;

    final Object lock = new Object();

    @GuardedBy("lock")
    private final Set<Session> sessions = new LinkedHashSet<>();

    /** Sessions with sequences that can be run. */
    @GuardedBy("lock")
    final FairOrder<Session> turns = new FairOrder<>();

    @GuardedBy("lock")
    int runnableSequences;

    /** Tokens of all sessions' sequences. */
    @GuardedBy("lock")
    private final TenantShares liveTokens;

    @GuardedBy("lock")
    private int liveSequences;

    @GuardedBy("lock")
    private boolean ended;

    /** @param telling runs what it is given one at a time and in order */
    DecodeSessions(
            TeacherDescription teacher,
            DecodeOptions options,
            LongSupplier nanoClock,
            DecodeMetrics metrics,
            Executor telling) {
        this.teacher = teacher;
        this.options = options;
        this.nanoClock = nanoClock;
        this.metrics = metrics;
        this.telling = telling;
        this.liveTokens = new TenantShares(options.maxServerTokens());
        metrics.bind(this::openSessions, this::sequences, this::cacheBytes);
    }

    /** Memory of keys and values that are held here. */
    abstract long cacheBytes();

    /** Something came up that can be run, or is to be let go of. Called without the lock. */
    abstract void wake();

    /** A sequence is over; what is held for it is to be let go of, unless it is running. */
    @GuardedBy("lock")
    abstract void letGo(Sequence sequence);

    /** Why a session cannot be opened with a proposal, with the value and the expectation, where it cannot. */
    public Optional<String> refusal(Proposal proposal) {
        return Optional.empty();
    }

    /** Returns the options of decoding. */
    public DecodeOptions options() {
        return options;
    }

    /** Opens a session. */
    public DecodeSession open(DecodeTerms terms, DecodeListener listener) {
        Session session = new Session(terms, listener);
        synchronized (lock) {
            session.lastNanos = nanoClock.getAsLong();
            if (ended) {
                over(session, goingAway());
            } else {
                sessions.add(session);
            }
        }
        return session;
    }

    private int openSessions() {
        synchronized (lock) {
            return sessions.size();
        }
    }

    private int sequences() {
        synchronized (lock) {
            return liveSequences;
        }
    }

    /** Ends the sessions that have asked for nothing for too long, or whose reader has taken nothing for as long. */
    public void endIdle() {
        synchronized (lock) {
            long idleNanos = options.idleTime().toNanos();
            for (Session session : List.copyOf(sessions)) {
                if (nanoClock.getAsLong() - session.lastNanos < idleNanos) {
                    continue;
                }
                if (!session.blocked.isEmpty()) {
                    over(
                            session,
                            new Failure(
                                    Failure.Reason.READER_STALLED,
                                    "draws waited for their reader for "
                                            + options.idleTime().toSeconds() + " s (expected: a student that reads)"));
                } else if (!owesAnything(session) && session.untold == 0) {
                    over(
                            session,
                            new Failure(
                                    Failure.Reason.SESSION_IDLE,
                                    "the session was idle for "
                                            + options.idleTime().toSeconds()
                                            + " s (expected: a step sooner, or a new session that starts with the tokens so far)"));
                }
            }
        }
        wake();
    }

    /** A sequence of a session. Guarded by {@link #lock}. */
    final class Sequence {
        final Session session;
        final int number;
        final long key;
        final int promptTokens;
        int[] tokens;

        int size;

        int answered;

        int drawsLeft;

        /** Taken of a quota for what it starts with, of which nothing has been computed yet. */
        private long unspent;

        /** The student has no more to say of it. */
        boolean last;

        /** Whether the sequence stands in a queue. */
        boolean queued;

        /** Whether the sequence is being continued. */
        boolean running;

        /** Whether the session forgot the sequence. */
        boolean forgotten;

        Sequence(Session session, DecodeStart start) {
            this.session = session;
            this.number = start.sequence();
            this.key = start.key();
            this.promptTokens = start.promptTokens();
            this.tokens = start.tokens().clone();
            this.size = tokens.length;
            this.answered = size;
            this.drawsLeft = start.draws();
            this.unspent = start.quotaPositions();
        }

        boolean owed() {
            return answered < size || drawsLeft > 0;
        }

        void append(int id) {
            if (size == tokens.length) {
                tokens = Arrays.copyOf(tokens, Math.max(16, size + size / 2));
            }
            tokens[size++] = id;
        }

        /** Takes answers, and gives how many of them were drawn. */
        int take(DecodeOutcome.Answered answers, ColumnsBuilder columns) {
            if (answers.ids().length == 0) {
                return 0;
            }
            int before = size;
            columns.begin(number);
            for (int i = 0; i < answers.ids().length; i++) {
                double plain = answers.logProbabilities()[i];
                double under = answers.proposalLogProbabilities()[i];
                if (answered < size) {
                    columns.taken(plain, under);
                } else {
                    int id = answers.ids()[i];
                    append(id);
                    drawsLeft = session.terms.stopIds().contains(id) ? 0 : drawsLeft - 1;
                    columns.drawn(id, plain, under);
                }
                answered++;
            }
            return size - before;
        }
    }

    /** A session. Its fields are guarded by {@link #lock}. */
    final class Session implements DecodeSession {
        final DecodeTerms terms;
        private final DecodeListener listener;

        private final Map<Integer, Sequence> live = new LinkedHashMap<>();

        /** Numbers of sequences that failed, of which the student may not have heard. */
        private final Set<Integer> failed = new LinkedHashSet<>();

        /** Changed under the lock. */
        volatile Flow flow;

        /** Sequences that can be run. */
        final Deque<Sequence> runnable = new ArrayDeque<>();

        /** Sequences that wait for the reader. */
        final List<Sequence> blocked = new ArrayList<>();

        private long tokens;

        private int untold;

        private long lastNanos;

        private Optional<Runnable> ending = Optional.empty();

        private boolean closed;

        Session(DecodeTerms terms, DecodeListener listener) {
            this.terms = terms;
            this.flow = terms.flow();
            this.listener = listener;
        }

        /** Whose it is, in all that tenants share. */
        String tenant() {
            return terms.flow().tenant().name();
        }

        @Override
        public void renew(Flow known) {
            synchronized (lock) {
                flow = known;
            }
        }

        @Override
        public Optional<Failure> start(List<DecodeStart> starts) {
            Optional<Failure> violation;
            synchronized (lock) {
                violation = closed ? Optional.empty() : startAll(this, starts);
            }
            wake();
            return violation;
        }

        @Override
        public Optional<Failure> step(List<DecodeStep> steps, int[] last) {
            Optional<Failure> violation;
            synchronized (lock) {
                violation = closed ? Optional.empty() : stepAndEnd(this, steps, last);
            }
            wake();
            return violation;
        }

        @Override
        public Optional<Failure> refuse(int sequence, Failure failure) {
            synchronized (lock) {
                if (live.containsKey(sequence)) {
                    return Optional.of(inUse(sequence));
                }
                if (!closed) {
                    tellFailed(this, sequence, failure, 0);
                }
                return Optional.empty();
            }
        }

        @Override
        public void readerTakesMore() {
            synchronized (lock) {
                unblock(this);
            }
            wake();
        }

        @Override
        public boolean owes() {
            synchronized (lock) {
                return owesAnything(this);
            }
        }

        @Override
        public int texts() {
            synchronized (lock) {
                return live.size();
            }
        }

        @Override
        public void finish(Runnable andEnd) {
            synchronized (lock) {
                ending = Optional.of(andEnd);
                endWhereNothingIsOwed(this);
            }
            wake();
        }

        @Override
        public void close() {
            synchronized (lock) {
                release(this);
            }
            wake();
        }
    }

    @GuardedBy("lock")
    private Optional<Failure> startAll(Session session, List<DecodeStart> starts) {
        for (DecodeStart start : starts) {
            if (session.live.containsKey(start.sequence())) {
                return Optional.of(inUse(start.sequence()));
            }
            session.failed.remove(start.sequence());
            Optional<Failure> refusal = refusal(session, start.tokens().length, start.draws(), 0, 1);
            if (refusal.isPresent()) {
                tellFailed(session, start.sequence(), refusal.get(), start.quotaPositions());
            } else {
                Sequence sequence = new Sequence(session, start);
                session.live.put(sequence.number, sequence);
                liveSequences++;
                count(session, start.tokens().length);
                session.lastNanos = nanoClock.getAsLong();
                enqueue(sequence);
            }
        }
        return Optional.empty();
    }

    @GuardedBy("lock")
    private Optional<Failure> stepAndEnd(Session session, List<DecodeStep> steps, int[] last) {
        for (DecodeStep step : steps) {
            Sequence sequence = session.live.get(step.sequence());
            if (sequence == null && session.failed.contains(step.sequence())) {
                continue;
            }
            if (sequence == null || sequence.last) {
                return Optional.of(violation("step.sequences", step.sequence(), "one that was started and not ended"));
            }
            if (sequence.drawsLeft > 0) {
                return Optional.of(violation("step.sequences", step.sequence(), "one that is owed no draws"));
            }
            step(sequence, step);
        }
        return end(session, last);
    }

    @GuardedBy("lock")
    private void step(Sequence sequence, DecodeStep step) {
        Session session = sequence.session;
        Optional<Failure> refusal = refusal(session, step.taken().length, step.draws(), sequence.size, 0);
        if (refusal.isPresent()) {
            fail(sequence, refusal.get());
            return;
        }
        for (int id : step.taken()) {
            sequence.append(id);
        }
        count(session, step.taken().length);
        sequence.drawsLeft = step.draws();
        if (sequence.owed()) {
            session.lastNanos = nanoClock.getAsLong(); // a step that asks for nothing keeps no session alive
        }
        enqueue(sequence);
    }

    @GuardedBy("lock")
    private Optional<Failure> end(Session session, int[] numbers) {
        ColumnsBuilder columns = new ColumnsBuilder(true);
        Optional<Failure> violation = Optional.empty();
        for (int number : numbers) {
            Sequence sequence = session.live.get(number);
            if (sequence == null && session.failed.contains(number)) {
                continue;
            }
            if (sequence == null || sequence.last) {
                violation = Optional.of(violation("step.ended", number, "one that was started and not ended"));
                break;
            }
            sequence.last = true;
            session.lastNanos = nanoClock.getAsLong();
            if (!sequence.owed()) {
                forget(sequence);
                columns.ended(number);
            }
        }
        tell(session, columns);
        return violation;
    }

    /** Why tokens and draws cannot be added to what a sequence has. */
    @GuardedBy("lock")
    private Optional<Failure> refusal(Session session, int more, int draws, int size, int sequences) {
        if ((long) size + more + draws > teacher.contextLength()) {
            return refused(
                    Failure.Reason.INVALID_REQUEST,
                    "tokens: " + (size + more) + " and " + draws + " draws",
                    "at most context_length=" + teacher.contextLength());
        }
        if (session.live.size() + sequences > options.maxSequences()) {
            return refused(
                    Failure.Reason.CREDIT_EXCEEDED,
                    "sequences of the session: " + (session.live.size() + sequences),
                    "at most max_decode_sequences=" + options.maxSequences());
        }
        if (session.tokens + more > options.maxTokens()) {
            return refused(
                    Failure.Reason.CREDIT_EXCEEDED,
                    "tokens of the session: " + (session.tokens + more),
                    "at most max_decode_tokens=" + options.maxTokens());
        }
        if (!liveTokens.letsIn(session.tenant(), more)) {
            return refused(
                    Failure.Reason.QUEUE_FULL,
                    "tokens of all sessions: " + (liveTokens.all() + more),
                    "at most " + options.maxServerTokens() + ", or a tenant below its share of them");
        }
        return Optional.empty();
    }

    @GuardedBy("lock")
    void count(Session session, int more) {
        session.tokens += more;
        liveTokens.add(session.tenant(), more);
    }

    @GuardedBy("lock")
    void enqueue(Sequence sequence) {
        if (sequence.queued || sequence.running || !sequence.owed()) {
            return;
        }
        sequence.queued = true;
        if (isFull(sequence.session)) {
            sequence.session.blocked.add(sequence);
        } else {
            run(sequence.session, List.of(sequence));
        }
    }

    @GuardedBy("lock")
    private void run(Session session, List<Sequence> more) {
        session.runnable.addAll(more);
        runnableSequences += more.size();
        turns.put(session, List.of(session.flow), 0);
        waits = true;
    }

    /** Takes sequences out of those that can be run, at most so many: all of them where there are no more. */
    @GuardedBy("lock")
    List<Sequence> dequeue(Session session, int most) {
        List<Sequence> taken = new ArrayList<>();
        while (taken.size() < most && !session.runnable.isEmpty()) {
            taken.add(session.runnable.remove());
        }
        runnableSequences -= taken.size();
        return taken;
    }

    static boolean isFull(Session session) {
        return session.untold >= MAX_UNTOLD || session.listener.isFull();
    }

    @GuardedBy("lock")
    private void unblock(Session session) {
        if (session.blocked.isEmpty() || isFull(session)) {
            return;
        }
        session.lastNanos = nanoClock.getAsLong();
        run(session, session.blocked);
        session.blocked.clear();
    }

    private static boolean owesAnything(Session session) {
        return session.live.values().stream().anyMatch(Sequence::owed);
    }

    @GuardedBy("lock")
    void endWhereNothingIsOwed(Session session) {
        if (session.closed || session.ending.isEmpty() || owesAnything(session)) {
            return;
        }
        Runnable action = session.ending.get();
        release(session);
        tell(session, action);
    }

    @GuardedBy("lock")
    void over(Session session, Failure failure) {
        if (!session.closed) {
            release(session);
            tell(session, () -> session.listener.over(failure));
        }
    }

    @GuardedBy("lock")
    private void release(Session session) {
        if (session.closed) {
            return;
        }
        for (Sequence sequence : List.copyOf(session.live.values())) {
            forget(sequence);
        }
        session.closed = true;
        sessions.remove(session);
    }

    @GuardedBy("lock")
    void fail(Sequence sequence, Failure failure) {
        forget(sequence);
        tellFailed(sequence.session, sequence.number, failure, sequence.running ? 0 : sequence.unspent);
    }

    @GuardedBy("lock")
    private void forget(Sequence sequence) {
        Session session = sequence.session;
        session.live.remove(sequence.number);
        liveSequences--;
        count(session, -sequence.size);
        sequence.forgotten = true;
        if (sequence.queued) {
            session.blocked.remove(sequence);
            if (session.runnable.remove(sequence)) {
                runnableSequences--;
                if (session.runnable.isEmpty()) {
                    turns.remove(session);
                }
            }
        }
        letGo(sequence);
    }

    @GuardedBy("lock")
    private void tellFailed(Session session, int number, Failure failure, long spared) {
        session.failed.add(number);
        if (session.failed.size() > options.maxSequences()) {
            session.failed.remove(session.failed.iterator().next());
        }
        tell(session, () -> session.listener.failed(number, failure, spared));
    }

    @GuardedBy("lock")
    void tell(Session session, ColumnsBuilder columns) {
        if (columns.isEmpty()) {
            return;
        }
        metrics.answered(columns.takenTokens(), columns.drawnTokens());
        DecodedColumns built = columns.build();
        tell(session, () -> {
            session.listener.decoded(built);
            synchronized (lock) {
                session.lastNanos = nanoClock.getAsLong();
            }
        });
    }

    @GuardedBy("lock")
    private void tell(Session session, Runnable action) {
        session.untold++;
        telling.execute(() -> {
            try {
                action.run();
            } catch (Throwable e) {
                defects.error("a session could not be told", e);
                breakOff(session, Failure.of(Failure.Reason.SERVER_FAULT, "the session cannot go on", e));
            } finally {
                told(session);
            }
        });
    }

    private void breakOff(Session session, Failure failure) {
        synchronized (lock) {
            over(session, failure);
        }
    }

    private void told(Session session) {
        synchronized (lock) {
            session.untold--;
            unblock(session);
        }
        wake();
    }

    /** Takes the answers to a sequence that was running, and ends it where that was the last of it. */
    @GuardedBy("lock")
    void settle(Sequence sequence, DecodeOutcome.Answered answers, ColumnsBuilder columns) {
        sequence.unspent = 0;
        count(sequence.session, sequence.take(answers, columns));
        if (sequence.last && !sequence.owed()) {
            forget(sequence);
            columns.ended(sequence.number);
        }
    }

    /** Ends all sessions; none opens any more. */
    void endAll() {
        synchronized (lock) {
            ended = true;
            for (Session session : List.copyOf(sessions)) {
                over(session, goingAway());
            }
        }
    }

    Failure goingAway() {
        return new Failure(Failure.Reason.DRAINING, "teacher " + teacher.name() + " is shutting down");
    }

    private static Optional<Failure> refused(Failure.Reason reason, String value, String expectation) {
        return Optional.of(new Failure(reason, value + " (expected: " + expectation + ")"));
    }

    private static Failure inUse(int number) {
        return violation("start.sequence", number, "a number that is free");
    }

    private static Failure violation(String field, int number, String expectation) {
        return new Failure(
                Failure.Reason.PROTOCOL_VIOLATION,
                field + ": " + Integer.toUnsignedString(number) + " (expected: " + expectation + ")");
    }
}
