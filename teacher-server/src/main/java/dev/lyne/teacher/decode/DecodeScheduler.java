package dev.lyne.teacher.decode;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.lm.generation.CachedSequence;
import dev.lyne.lm.generation.Extended;
import dev.lyne.lm.generation.Extension;
import dev.lyne.lm.generation.SequenceDecoder;
import dev.lyne.teacher.batch.DeviceWork;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.FairOrder;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.wire.draw.SeededUniforms;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
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
 * Sessions of all students, and their sequences, which share the steps of one decoder. A step takes every sequence that is owed something, up to
 * a number of new tokens; where there are more, {@link FairOrder} says whose turn it is, some of a session at a time. Long prompts are taken in
 * stretches.
 *
 * <p>What a sequence holds: its tokens; of these the first {@code cached.length()} have keys and values; those from {@code answered} on
 * are owed their log-probabilities. The invariant: the token before an owed one has no keys and values yet, so that its distribution comes with
 * them. The last token gets them only when the one after it is to be drawn.
 *
 * <p>Sessions are called from any thread, the decoder by the device's thread alone, in {@link #run} and {@link #end}: it closes the caches of
 * what others gave up. Listeners are called by the executor, without the lock, in the order in which answers were made under it.
 */
public final class DecodeScheduler implements DeviceWork {
    private static final Logger LOG = LoggerFactory.getLogger(DecodeScheduler.class);

    private static final int MAX_STEP_SEQUENCES = 256;

    /** Of a deterministic decoder, which takes one after another. */
    private static final int MAX_STEP_SEQUENCES_ALONE = 8;

    /** New tokens of a step, so that a prompt holds others up for no longer than that. */
    private static final int MAX_STEP_TOKENS = 512;

    /** Sequences of a session that are taken in one turn. */
    private static final int MAX_TURN_SEQUENCES = 8;

    /** How often, a millisecond each time, a step waits for more of the sequences that have just been answered. */
    private static final int GATHERING_WAITS = 3;

    /** Answers of a session that may wait to be told to its listener. */
    private static final int MAX_UNTOLD = 16;

    private final SequenceDecoder decoder;
    private final TeacherDescription teacher;
    private final DecodeOptions options;
    private final LongSupplier nanoClock;
    private final DecodeMetrics metrics;
    private final Executor telling;
    private final PacedLog defects = new PacedLog(LOG);
    private volatile Runnable wake = () -> {};
    private volatile long cacheBytes;
    private volatile boolean waits;

    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Set<Session> sessions = new LinkedHashSet<>();

    /** Sessions with sequences that can be run. */
    @GuardedBy("lock")
    private final FairOrder<Session> turns = new FairOrder<>();

    @GuardedBy("lock")
    private int runnableSequences;

    /** Caches that nobody needs any more. */
    @GuardedBy("lock")
    private List<CachedSequence> givenUp = new ArrayList<>();

    /** Sequences whose students may have something to say right after the last step. */
    @GuardedBy("lock")
    private int awaited;

    @GuardedBy("lock")
    private long liveTokens;

    @GuardedBy("lock")
    private int liveSequences;

    @GuardedBy("lock")
    private boolean ended;

    /**
     * Takes a decoder over, to be closed with the device's thread.
     *
     * @param telling runs what it is given one at a time and in order
     */
    public DecodeScheduler(
            SequenceDecoder decoder,
            TeacherDescription teacher,
            DecodeOptions options,
            LongSupplier nanoClock,
            DecodeMetrics metrics,
            Executor telling) {
        this.decoder = decoder;
        this.teacher = teacher;
        this.options = options;
        this.nanoClock = nanoClock;
        this.metrics = metrics;
        this.telling = telling;
        metrics.bind(this::openSessions, this::sequences, () -> cacheBytes);
    }

    /** How it decodes. */
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

    /** Memory of keys and values. */
    public long cacheBytes() {
        return cacheBytes;
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
        wake.run();
    }

    /** A sequence of a session. Guarded by the scheduler's lock. */
    private final class Sequence {
        private final Session session;
        private final int number;
        private final long key;
        private final int promptTokens;
        private int[] tokens;

        private int size;

        private int answered;

        private int drawsLeft;

        /** Taken of a quota for what it starts with, of which nothing has been computed yet. */
        private long unspent;

        /** The student has no more to say of it. */
        private boolean last;

        /** It stands in a queue. */
        private boolean queued;

        /** The device is at it. */
        private boolean running;

        /** Its session forgot it. */
        private boolean forgotten;

        private Optional<CachedSequence> cached = Optional.empty();

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

        /** What the decoder is to be asked next, with so many new tokens at most, or a whole prompt where it must not be cut. */
        Extension next(int mostTokens) {
            CachedSequence cache = cached.orElseGet(() -> decoder.open(promptTokens));
            cached = Optional.of(cache);
            int from = cache.length();
            int most = teacher.deterministic() && from == 0 ? Math.max(mostTokens, promptTokens) : mostTokens;
            int to = Math.min(drawsLeft > 0 ? size : size - 1, from + most);
            int[] labels = new int[to - from];
            for (int t = from; t < to; t++) {
                labels[t - from] =
                        t + 1 == size ? Extension.DRAW : t + 1 >= answered ? tokens[t + 1] : Extension.NOTHING;
            }
            double uniform = to == size
                    ? SeededUniforms.TEACHER_DRAW.at(session.terms.seed(), key, (long) size - promptTokens)
                    : 0;
            return new Extension(
                    cache, Arrays.copyOfRange(tokens, from, to), labels, uniform, session.terms.proposal());
        }

        /** Takes answers, and gives how many of them were drawn. */
        int take(Extended.Answered answers, ColumnsBuilder columns) {
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

    /** A session. Its fields are guarded by the scheduler's lock. */
    private final class Session implements DecodeSession {
        private final DecodeTerms terms;
        private final DecodeListener listener;

        private final Map<Integer, Sequence> live = new LinkedHashMap<>();

        /** Numbers of sequences that failed, of which the student may not have heard. */
        private final Set<Integer> failed = new LinkedHashSet<>();

        /** Changed under the lock. */
        private volatile Flow flow;

        /** What can be run. */
        private final Deque<Sequence> runnable = new ArrayDeque<>();

        /** What waits for the reader. */
        private final List<Sequence> blocked = new ArrayList<>();

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
            wake.run();
            return violation;
        }

        @Override
        public Optional<Failure> step(List<DecodeStep> steps, int[] last) {
            Optional<Failure> violation;
            synchronized (lock) {
                violation = closed ? Optional.empty() : stepAndEnd(this, steps, last);
            }
            wake.run();
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
            wake.run();
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
            wake.run();
        }

        @Override
        public void close() {
            synchronized (lock) {
                release(this);
            }
            wake.run();
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
        if (liveTokens > 0 && liveTokens + more > options.maxServerTokens()) {
            return refused(
                    Failure.Reason.QUEUE_FULL,
                    "tokens of all sessions: " + (liveTokens + more),
                    "at most " + options.maxServerTokens());
        }
        return Optional.empty();
    }

    @GuardedBy("lock")
    private void count(Session session, int more) {
        session.tokens += more;
        liveTokens += more;
    }

    @GuardedBy("lock")
    private void enqueue(Sequence sequence) {
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
    private List<Sequence> dequeue(Session session, int most) {
        List<Sequence> taken = new ArrayList<>();
        while (taken.size() < most && !session.runnable.isEmpty()) {
            taken.add(session.runnable.remove());
        }
        runnableSequences -= taken.size();
        return taken;
    }

    private static boolean isFull(Session session) {
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
    private void endWhereNothingIsOwed(Session session) {
        if (session.closed || session.ending.isEmpty() || owesAnything(session)) {
            return;
        }
        Runnable action = session.ending.get();
        release(session);
        tell(session, action);
    }

    @GuardedBy("lock")
    private void over(Session session, Failure failure) {
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
    private void fail(Sequence sequence, Failure failure) {
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
        if (!sequence.running) {
            giveUp(sequence);
        }
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
    private void tell(Session session, ColumnsBuilder columns) {
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
        wake.run();
    }

    @GuardedBy("lock")
    private void giveUp(Sequence sequence) {
        if (sequence.cached.isPresent()) {
            givenUp.add(sequence.cached.get());
            sequence.cached = Optional.empty();
            waits = true;
        }
    }

    @Override
    public boolean waits() {
        return waits;
    }

    @Override
    public void onArrival(Runnable action) {
        wake = action;
    }

    @Override
    public Duration longestForward() {
        return options.batchTime();
    }

    @Override
    public Stretch run() {
        List<Sequence> chosen = new ArrayList<>();
        List<Extension> extensions = new ArrayList<>();
        gather();
        int tokens = choose(chosen, extensions);
        closeGivenUp();
        if (!chosen.isEmpty()) {
            step(chosen, extensions, tokens);
            closeGivenUp();
        }
        cacheBytes = decoder.cacheBytes();
        return new Stretch(tokens, shares(chosen, extensions, tokens));
    }

    private static Map<Flow, Double> shares(List<Sequence> chosen, List<Extension> extensions, int tokens) {
        Map<Flow, Double> shares = new HashMap<>();
        for (int i = 0; i < chosen.size(); i++) {
            double share = (double) extensions.get(i).tokens().length / tokens;
            shares.merge(chosen.get(i).session.flow, share, Double::sum);
        }
        return shares;
    }

    /** Waits a moment while students answer to the last step, lest the first of them has a step of its own. */
    private void gather() {
        synchronized (lock) {
            int before = -1;
            for (int i = 0; i < GATHERING_WAITS && before < runnableSequences && runnableSequences < awaited; i++) {
                before = runnableSequences;
                try {
                    lock.wait(1);
                } catch (InterruptedException e) {
                    throw new IllegalStateException("the device thread was interrupted", e);
                }
            }
            awaited = 0;
        }
    }

    private int choose(List<Sequence> chosen, List<Extension> extensions) {
        int most = teacher.deterministic() ? MAX_STEP_SEQUENCES_ALONE : MAX_STEP_SEQUENCES;
        int tokens = 0;
        synchronized (lock) {
            while (!turns.isEmpty() && chosen.size() < most && tokens < MAX_STEP_TOKENS) {
                Session session = turns.first();
                if (isFull(session)) {
                    turns.remove(session);
                    session.blocked.addAll(dequeue(session, Integer.MAX_VALUE));
                    continue;
                }
                int before = tokens;
                for (int i = 0; i < MAX_TURN_SEQUENCES && chosen.size() < most && tokens < MAX_STEP_TOKENS; i++) {
                    Optional<Sequence> next = dequeue(session, 1).stream().findFirst();
                    if (next.isEmpty()) {
                        break;
                    }
                    Sequence sequence = next.get();
                    sequence.queued = false;
                    sequence.running = true;
                    Extension extension = sequence.next(MAX_STEP_TOKENS - tokens);
                    tokens += extension.tokens().length;
                    chosen.add(sequence);
                    extensions.add(extension);
                }
                turns.take(session, tokens - before);
                if (!session.runnable.isEmpty()) {
                    turns.put(session, List.of(session.flow), 0);
                }
            }
            waits = runnableSequences > 0 || !givenUp.isEmpty();
        }
        return tokens;
    }

    private void step(List<Sequence> chosen, List<Extension> extensions, int tokens) {
        long startNanos = nanoClock.getAsLong();
        List<Extended> outcomes;
        try {
            outcomes = decoder.extend(extensions);
            if (outcomes.size() != extensions.size()) {
                throw new IllegalStateException(
                        "the decoder gave " + outcomes.size() + " outcomes (expected: " + extensions.size() + ")");
            }
        } catch (Throwable e) {
            // The step fails, its sequences are told, and the next step gets its chance.
            LOG.error("teacher {} failed to decode {} sequences", teacher.name(), chosen.size(), e);
            Failure failure = Failure.of(Failure.Reason.MODEL_FAILED, "the model failed", e);
            synchronized (lock) {
                for (Sequence sequence : chosen) {
                    sequence.running = false;
                    if (sequence.forgotten) {
                        giveUp(sequence);
                    } else {
                        fail(sequence, failure);
                        endWhereNothingIsOwed(sequence.session);
                    }
                }
            }
            return;
        }
        metrics.stepped(chosen.size(), tokens, nanoClock.getAsLong() - startNanos);
        synchronized (lock) {
            settle(chosen, outcomes);
        }
    }

    @GuardedBy("lock")
    private void settle(List<Sequence> chosen, List<Extended> outcomes) {
        Map<Session, ColumnsBuilder> columns = new HashMap<>();
        for (int i = 0; i < chosen.size(); i++) {
            Sequence sequence = chosen.get(i);
            Session session = sequence.session;
            sequence.running = false;
            if (sequence.forgotten) {
                giveUp(sequence);
                continue;
            }
            Extended outcome = outcomes.get(i);
            if (outcome instanceof Extended.Answered answered) {
                sequence.unspent = 0;
                ColumnsBuilder own = columns.computeIfAbsent(
                        session, one -> new ColumnsBuilder(one.terms.proposal().isPlain()));
                count(session, sequence.take(answered, own));
                if (sequence.last && !sequence.owed()) {
                    forget(sequence);
                    own.ended(sequence.number);
                }
            } else {
                fail(sequence, failure(outcome));
            }
        }
        for (Map.Entry<Session, ColumnsBuilder> one : columns.entrySet()) {
            tell(one.getKey(), one.getValue());
        }
        for (Sequence sequence : chosen) {
            if (!sequence.forgotten) {
                enqueue(sequence);
                awaited += sequence.queued ? 0 : 1;
            }
            endWhereNothingIsOwed(sequence.session);
        }
    }

    private Failure failure(Extended outcome) {
        if (outcome instanceof Extended.NotFinite notFinite) {
            return new Failure(
                    Failure.Reason.NOT_FINITE,
                    "logits at position " + notFinite.position() + " are not finite (expected: finite)");
        }
        if (outcome instanceof Extended.NoRoom noRoom) {
            return new Failure(
                    Failure.Reason.KV_CACHE_FULL,
                    "keys and values: " + cacheBytes + " bytes are held and " + noRoom.wantedBytes()
                            + " more wanted (expected: at most --kv-cache-mib=" + (options.maxCacheBytes() >> 20)
                            + ")");
        }
        throw new IllegalStateException("outcome: " + outcome + " (expected: one that fails)");
    }

    private void closeGivenUp() {
        List<CachedSequence> closing;
        synchronized (lock) {
            closing = givenUp;
            givenUp = new ArrayList<>();
            waits = runnableSequences > 0;
        }
        closing.forEach(CachedSequence::close);
    }

    @Override
    public void end() {
        synchronized (lock) {
            ended = true;
            for (Session session : List.copyOf(sessions)) {
                over(session, goingAway());
            }
        }
        closeGivenUp();
        decoder.close();
        cacheBytes = 0;
    }

    private Failure goingAway() {
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
