package dev.lyne.client;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.v1.Credit;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.Status;
import io.grpc.stub.MetadataUtils;
import io.opentelemetry.api.trace.Span;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A stream of targets from the replicas of a teacher: fetches the sequences offered behind the student's back, and hands them out in
 * order.
 *
 * <p>One lock guards everything: the window of sequences, the connections to the replicas and their calls, the progress timeout and the one timer. It is
 * never held while anything blocks: sending only queues, and a message is sent only where the transport is ready for it. Whatever
 * happens ends in {@link #pump}, which looks at the whole state, does what can be done now and sets the timer for the next moment at
 * which something can. {@link CallResponses} decodes and checks rows without the lock, and takes it briefly to say what came.
 *
 * <p>The invariant: each sequence of the window is resolved, waiting, or wanted of exactly one call, or of two while it is hedged. A call
 * may owe more answers than are wanted of it; those are counted against its credit and dropped.
 *
 * <p>What counts is progress. A replica is <em>stuck</em> where a sequence has been on it for the time configured and meanwhile
 * neither rows of it came nor the device's counter moved. Its sequences go to others, at most one time a minute each; one ask stays
 * behind unwanted, so that the server goes on telling the counter. Where there is no other replica, it keeps them. Where not even the
 * counter is told any more, the connection is dead, whatever the operating system thinks of it, and another one is made.
 *
 * <p>Hedging (Dean and Barroso, The Tail at Scale, 2013), where the options ask for it: the sequence that has gone unanswered for longest is
 * asked of a second replica, too. The first answer resolves it, and the other ask is withdrawn, in one step under the lock; an ask that fails
 * leaves the sequence to the other. One sequence is hedged at a time, each once, and at most one in twenty of those offered.
 */
final class ReplicaPool implements TargetStream {
    private static final long TICK_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long WATCH_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long MOST_LATE_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** A server that is asked for something says how far its device is every five seconds: three times that without a word is no server. */
    private static final long LEAST_SILENCE_NANOS = TimeUnit.SECONDS.toNanos(15);

    private static final long NEVER = Long.MAX_VALUE;

    private final TargetRequest request;
    private final TeacherDescription teacher;
    private final ClientOptions options;
    private final LongSupplier nanoTime;
    private final long originNanos;
    private final RandomGenerator random;
    private final Runnable onReplicaLost;
    private final Consumer<ReplicaPool> onClose;
    private final long stuckNanos;
    private final long silentNanos;
    private final long hedgeNanos;
    private final RequestTraces traces;

    private final ReentrantLock lock = new ReentrantLock();

    /** Signalled whenever a sequence is resolved, a call opens or ends, the stream fails or closes. */
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private final OfferedWindow window;

    @GuardedBy("lock")
    private final List<ReplicaConnection> connections = new ArrayList<>();

    @GuardedBy("lock")
    private boolean everOpened;

    @GuardedBy("lock")
    private boolean closed;

    @GuardedBy("lock")
    private @Nullable TeacherException failure;

    @GuardedBy("lock")
    private long lastWireId;

    @GuardedBy("lock")
    private final Timer timer;

    @GuardedBy("lock")
    private final ProgressTimeout progressTimeout;

    /**
     * @param timers where the timer runs
     * @param random of the jitter
     * @param onReplicaLost called, with the lock held, when a call has ended
     * @param onClose called without the lock
     */
    ReplicaPool(
            TargetRequest request,
            TeacherDescription teacher,
            ClientOptions options,
            LongSupplier nanoTime,
            ScheduledExecutorService timers,
            RandomGenerator random,
            Runnable onReplicaLost,
            Consumer<ReplicaPool> onClose) {
        this.request = request;
        this.teacher = teacher;
        this.options = options;
        this.nanoTime = nanoTime;
        this.originNanos = nanoTime.getAsLong();
        this.timer = new Timer(timers, this::onTimer);
        this.random = random;
        this.onReplicaLost = onReplicaLost;
        this.onClose = onClose;
        this.progressTimeout = new ProgressTimeout(options);
        this.stuckNanos = options.timeouts().stuck().toNanos();
        this.traces = new RequestTraces(options.telemetry(), options.student());
        this.hedgeNanos = options.timeouts().hedge().toNanos();
        this.silentNanos = Math.max(stuckNanos, LEAST_SILENCE_NANOS);
        this.window = new OfferedWindow(options.windowSequences(), options.windowTokens());
    }

    /** Nanoseconds since the stream was made, so that later moments are greater numbers. */
    private long nowNanos() {
        return nanoTime.getAsLong() - originNanos;
    }

    // The student's side.

    /** Sets the replicas that there are; links to others go once their calls have ended. */
    void setReplicas(Collection<Replica> replicas) {
        lock.lock();
        try {
            if (isOver()) {
                return;
            }
            connections.removeIf(connection -> connection.call == null && !replicas.contains(connection.replica));
            for (Replica replica : replicas) {
                if (connections.stream().noneMatch(connection -> connection.replica.equals(replica))) {
                    Timeouts timeouts = options.timeouts();
                    Backoff backoff = new Backoff(timeouts.firstBackoff(), timeouts.maxBackoff(), random);
                    connections.add(new ReplicaConnection(replica, backoff, nowNanos()));
                }
            }
            endWhereNoneAccepts();
            pump();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until one replica has opened the stream. */
    void awaitOpened() throws InterruptedException {
        lock.lock();
        try {
            progressTimeout.waits(nowNanos());
            while (!everOpened) {
                requireAlive();
                if (options.listener().isStopRequested()) {
                    throw new TeacherUnavailableException("stopped as asked; " + history());
                }
                long unused = changed.awaitNanos(TeacherClient.POLL_NANOS);
            }
            progressTimeout.waitsNoMore();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public TeacherDescription teacher() {
        return teacher;
    }

    @Override
    public boolean offer(TargetSequence sequence) {
        sequence.requireFits(teacher, selection());
        lock.lock();
        try {
            requireAlive();
            if (!window.hasRoomFor(sequence)) {
                return false;
            }
            startProgressTimeout();
            window.addLast(sequence).span = traces.sequence(sequence);
            pump();
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void askAgain(TargetSequence sequence) {
        sequence.requireFits(teacher, selection());
        lock.lock();
        try {
            requireAlive();
            startProgressTimeout();
            window.addFirst(sequence).span = traces.sequence(sequence);
            pump();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean await(Duration atMost) throws InterruptedException {
        lock.lock();
        try {
            Entry first = window.first();
            if (first == null || first.resolved() || isOver()) {
                return true;
            }
            progressTimeout.waits(nowNanos());
            long start = nowNanos();
            long left = atMost.toNanos();
            while (!first.resolved() && !isOver() && left > 0) {
                left = changed.awaitNanos(left);
            }
            window.counts().stalled(nowNanos() - start);
            return first.resolved() || isOver();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Targets take() throws InterruptedException {
        lock.lock();
        try {
            Entry first = window.first();
            if (first == null) {
                requireAlive();
                throw new IllegalStateException("take: no sequence is pending (expected: at least 1 offered)");
            }
            if (!first.resolved()) {
                awaitResolved(first);
            }
            progressTimeout.waitsNoMore();
            window.removeFirst();
            if (first.failure != null) {
                throw first.failure;
            }
            if (first.targets == null) {
                throw new AssertionError("a resolved sequence has targets or a failure");
            }
            return first.targets;
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private void awaitResolved(Entry first) throws InterruptedException {
        progressTimeout.waits(nowNanos());
        long start = nowNanos();
        try {
            while (!first.resolved()) {
                requireAlive();
                changed.await();
            }
        } finally {
            window.counts().stalled(nowNanos() - start);
        }
    }

    @Override
    public int pending() {
        lock.lock();
        try {
            return window.size();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public StreamStatistics statistics() {
        lock.lock();
        try {
            return window.counts().statistics();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            end(null);
        } finally {
            lock.unlock();
        }
        onClose.accept(this);
    }

    private Selection selection() {
        return request.selection();
    }

    /** The progress timeout starts with the first sequence that has to be waited for. */
    @GuardedBy("lock")
    private void startProgressTimeout() {
        if (window.unresolved() == 0) {
            progressTimeout.begin(nowNanos());
        }
    }

    @GuardedBy("lock")
    private boolean isOver() {
        return closed || failure != null;
    }

    /** Throws where the stream is over. */
    @GuardedBy("lock")
    private void requireAlive() {
        if (failure != null) {
            throw failure;
        }
        if (closed) {
            throw new IllegalStateException("the stream of targets is closed");
        }
    }

    /** Ends the stream and its calls: with a failure, or closed by the student. What is resolved can be taken after a failure. */
    @GuardedBy("lock")
    private void end(@Nullable TeacherException cause) {
        if (isOver()) {
            closed |= cause == null;
            return;
        }
        closed = cause == null;
        failure = cause;
        for (ReplicaConnection connection : connections) {
            ReplicaCall call = connection.call;
            if (call != null) {
                call.end(cause == null ? "closed by the student" : "the stream failed");
            }
        }
        connections.clear();
        window.abandon();
        timer.cancel();
        changed.signalAll();
    }

    /** Tells what was tried, replica by replica. */
    @GuardedBy("lock")
    private String history() {
        long now = nowNanos();
        return connections.stream().map(connection -> connection.history(now)).collect(Collectors.joining("; "));
    }

    // What calls report. All but the first two are called with the lock held, and only while their call is not over.

    /** Runs a callback's part under the lock, unless its call is over. */
    void locked(ReplicaCall call, Runnable part) {
        lock.lock();
        try {
            if (!call.hasEnded()) {
                part.run();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Like {@link #locked}; null where the call is over. */
    <T> @Nullable T lockedGet(ReplicaCall call, Supplier<@Nullable T> part) {
        lock.lock();
        try {
            return call.hasEnded() ? null : part.get();
        } finally {
            lock.unlock();
        }
    }

    /** The transport has room again. */
    @SuppressWarnings("GuardedBy") // called within locked
    void onReady() {
        pump();
    }

    /** Whether the stream can use that teacher; where it cannot, ends the call, and the stream where that was heard a few times. */
    @SuppressWarnings("GuardedBy") // called within locked
    boolean acceptsTeacher(
            ReplicaConnection connection, ReplicaCall call, TeacherDescription found, boolean vouchedOnly) {
        try {
            TeacherAgreement.requireExpected(connection.replica.label(), found, request.expectation());
            TeacherAgreement.requireSame(
                    connection.replica.label(), found, teacher, request.expectation(), request.sameBits());
            if (request.vouchedOnly() && !vouchedOnly) {
                TeacherAgreement.requireVouchedAtOnce(connection.replica.label(), found);
            }
            return true;
        } catch (TeacherMismatchException e) {
            if (connection.standing.mismatched()) {
                end(e);
            } else {
                endCall(connection, call, CallFailure.of(Status.Code.UNAVAILABLE, String.valueOf(e.getMessage())));
                pump();
            }
            return false;
        }
    }

    BlockIdentity identity(Teacher found) {
        return Contract.identity(found, request);
    }

    @SuppressWarnings("GuardedBy") // called within locked
    void onOpened(ReplicaConnection connection, ReplicaCall call, Credit credit) {
        call.opened(credit, nowNanos());
        connection.lastFailure = null;
        if (connection.standing.refuses()) {
            options.listener().onWaiting("teacher " + connection.replica.label() + ": it accepts the stream again");
        }
        connection.standing.accepted();
        if (connection.attempts > 1) {
            window.counts().reconnected();
        }
        everOpened = true;
        changed.signalAll();
        pump();
    }

    @SuppressWarnings("GuardedBy") // called within locked
    void onCredit(ReplicaCall call, Credit credit) {
        call.granted(credit, nowNanos());
        pump();
    }

    @SuppressWarnings("GuardedBy") // called within locked
    void onMessage(ReplicaCall call) {
        call.heard(nowNanos());
    }

    @SuppressWarnings("GuardedBy") // called within locked
    void onRows(Attempt attempt) {
        attempt.movedNanos = nowNanos();
        progressTimeout.rowsCame(nowNanos());
    }

    /** The server tells its device's counter. */
    @SuppressWarnings("GuardedBy") // called within locked
    void onProgress(ReplicaConnection connection, ReplicaCall call, long devicePositions) {
        call.heard(nowNanos());
        if (connection.device.told(devicePositions)) {
            progressTimeout.progressed(nowNanos());
            deviceMoved(connection);
            pump();
        }
    }

    @GuardedBy("lock")
    private void deviceMoved(ReplicaConnection connection) {
        long now = nowNanos();
        if (connection.device.moved(now)) {
            connection.rate.forget();
            if (connection.inFlight() > 0) {
                connection.rate.started(now);
            }
            options.listener().onWaiting("teacher " + connection.replica.label() + ": its device goes on");
        }
    }

    @SuppressWarnings("GuardedBy") // called within locked
    void onUnwantedBytes(long bytes) {
        window.counts().discarded(bytes);
    }

    /** Takes a sequence off the credit and says what came of it, unless it was withdrawn. */
    @SuppressWarnings("GuardedBy") // called within locked
    void onAnswered(ReplicaConnection connection, ReplicaCall call, Attempt attempt, boolean done, Runnable outcome) {
        call.inFlight().remove(attempt);
        if (done && attempt.withdrawn && !attempt.cancelled) {
            deviceMoved(connection); // what was left behind to see whether it goes on
        }
        if (!attempt.withdrawn) {
            outcome.run();
        }
        if (call.inFlight().size() == 0) {
            connection.rate.stopped(nowNanos(), attempt.entry.tokens());
        }
        pump();
    }

    @SuppressWarnings("GuardedBy") // called within locked
    void onTargets(ReplicaConnection connection, Attempt attempt, Targets targets) {
        connection.backoff.reset();
        if (connection.standing.isInDoubt()) {
            connection.lastFailure = null;
        }
        if (connection.standing.answered()) {
            options.listener().onWaiting("teacher " + connection.replica.label() + ": it answers again");
        }
        ReplicaCall call = connection.call;
        connection.rate.answered(
                attempt.entry.tokens(), call == null || call.inFlight().size() == 0, nowNanos());
        if (!connection.device.isTold() || targets.rowsBySource().containsKey(RowSource.COMPUTED)) {
            deviceMoved(connection);
        }
        progressTimeout.rowsCame(nowNanos());
        if (attempt.hedge) {
            window.counts().hedgeWon();
        }
        withdrawTwin(attempt);
        window.resolve(attempt.entry, targets);
        changed.signalAll();
    }

    /** The sequence is over: the other ask for it is of no use any more. */
    @GuardedBy("lock")
    private void withdrawTwin(Attempt attempt) {
        Attempt twin = attempt.twin;
        if (twin == null) {
            return;
        }
        separate(attempt, twin);
        for (ReplicaConnection connection : connections) {
            ReplicaCall call = connection.call;
            if (call != null && call.inFlight().get(twin.wireId) == twin) {
                call.withdraw(twin);
                window.counts().discarded(twin.receivedBytes());
            }
        }
    }

    private static void separate(Attempt attempt, Attempt twin) {
        attempt.twin = null;
        twin.twin = null;
    }

    /** An ask came to nothing, or is given up. Returns whether the sequence is still wanted of another replica, and so need not be asked for again. */
    @GuardedBy("lock")
    private boolean leftToTwin(Attempt attempt) {
        Attempt twin = attempt.twin;
        if (twin == null) {
            return false;
        }
        separate(attempt, twin);
        window.counts().discarded(attempt.receivedBytes());
        return true;
    }

    @SuppressWarnings("GuardedBy") // called within locked
    void onMisaligned(Attempt attempt, MisalignedTargetsException misaligned) {
        withdrawTwin(attempt);
        window.fail(attempt.entry, misaligned, attempt.receivedBytes());
        changed.signalAll();
    }

    @SuppressWarnings("GuardedBy") // called within locked
    void onSequenceFailed(ReplicaConnection connection, Attempt attempt, CallFailure cause) {
        CallFailure.Remedy remedy = cause.ofSequence();
        if (remedy == CallFailure.Remedy.RETRY) {
            long delay = Math.max(cause.retryAfter().toNanos(), connection.backoff.nextNanos());
            connection.askAtNanos = nowNanos() + delay;
            connection.lastFailure = cause;
        } else if (remedy == CallFailure.Remedy.RETRY_FEW && cause.code() != Status.Code.DEADLINE_EXCEEDED) {
            if (connection.standing.isInDoubt() && isAnother(connection, other -> other.standing.isExpected())) {
                remedy = CallFailure.Remedy.RETRY; // no sequence spends a try on a replica at which others fail, too
            }
            faulted(connection, attempt, cause);
        }
        if (!askAgainOrFail(connection, attempt, cause, remedy)) {
            changed.signalAll();
        }
    }

    /**
     * A sequence failed by a fault that may be its own or the replica's. The replica is left alone for a while, then asked for one sequence at
     * a time until it answers one. Those that were sent before the fault was known fail as one.
     */
    @GuardedBy("lock")
    private void faulted(ReplicaConnection connection, Attempt attempt, CallFailure cause) {
        connection.lastFailure = cause;
        if (attempt.sentNanos < connection.askAtNanos) {
            return;
        }
        long now = nowNanos();
        connection.rate.forget();
        if (connection.inFlight() > 0) {
            connection.rate.started(now);
        }
        boolean newlyOut = connection.standing.faulted();
        boolean elsewhere = isAnother(connection, other -> other.isUsable(now) && !other.standing.isInDoubt());
        long delay = connection.standing.isOut() && elsewhere
                ? connection.backoff.longNanos()
                : connection.backoff.nextNanos();
        connection.askAtNanos = now + Math.max(cause.retryAfter().toNanos(), delay);
        if (newlyOut) {
            options.listener()
                    .onWaiting("teacher " + connection.replica.label() + ": one sequence after the other fails there: "
                            + cause + "; "
                            + (elsewhere ? "others get all but one now and then" : "there is no other to ask"));
        }
    }

    @GuardedBy("lock")
    private boolean isAnother(ReplicaConnection than, Predicate<ReplicaConnection> fitting) {
        return connections.stream().anyMatch(other -> other != than && fitting.test(other));
    }

    /** Gives back what the call leaves unanswered, and leaves the replica alone for a while. */
    @SuppressWarnings("GuardedBy") // called within locked
    void onCallEnded(ReplicaConnection connection, ReplicaCall call, CallFailure cause) {
        endCall(connection, call, cause);
        pump();
    }

    @GuardedBy("lock")
    private void endCall(ReplicaConnection connection, ReplicaCall call, CallFailure cause) {
        connection.call = null;
        connection.lastFailure = cause;
        connection.rate.forget();
        List<Attempt> unanswered = call.end(cause.description());
        if (cause.isMismatch() && (!cause.isOpeningMismatch() || connection.standing.mismatched())) {
            end(cause.asFinal(connection.replica.label()));
            return;
        }
        if (cause.isMismatch() || cause.ofCall() != CallFailure.Remedy.GIVE_UP) {
            connection.standing.unheard();
        } else if (connection.standing.refused(cause)) {
            endWhereNoneAccepts();
            if (isOver()) {
                return;
            }
            options.listener()
                    .onWaiting("teacher " + connection.replica.label() + ": " + cause
                            + "; it is asked again now and then, and others meanwhile");
        }
        long delay = connection.standing.refuses() ? connection.backoff.longNanos() : connection.backoff.nextNanos();
        connection.connectAtNanos = nowNanos() + Math.max(cause.retryAfter().toNanos(), delay);
        for (Attempt attempt : unanswered) {
            askAgainOrFail(connection, attempt, cause, CallFailure.Remedy.RETRY);
        }
        changed.signalAll();
        onReplicaLost.run();
    }

    /** Ends the stream where each of its replicas refuses it, with what they say. */
    @GuardedBy("lock")
    private void endWhereNoneAccepts() {
        if (!connections.isEmpty() && connections.stream().allMatch(connection -> connection.standing.refuses())) {
            end(new TeacherRefusedException(connections.stream()
                    .map(connection -> "teacher " + connection.replica.label() + ": " + connection.lastFailure)
                    .collect(Collectors.joining("; "))));
        }
    }

    /** Puts a sequence back among the waiting ones, or fails it for good. Returns whether it is asked for again. */
    @GuardedBy("lock")
    private boolean askAgainOrFail(
            ReplicaConnection connection, Attempt attempt, CallFailure cause, CallFailure.Remedy remedy) {
        Entry entry = attempt.entry;
        if (remedy != CallFailure.Remedy.GIVE_UP && leftToTwin(attempt)) {
            return true;
        }
        long retryNanos = options.timeouts().retry().toNanos();
        if (entry.failed(cause, remedy, progressTimeout.rowsNanos(), retryNanos, nowNanos())) {
            entry.lastFailedOn = connection;
            window.askAgain(entry, attempt.receivedBytes());
            return true;
        }
        withdrawTwin(attempt);
        String attempts = entry.failures() == 1 ? "" : " (after " + entry.failures() + " attempts)";
        window.fail(
                entry,
                new SequenceFailedException(
                        entry.sequence.id(),
                        cause.code(),
                        "teacher " + connection.replica.label() + ": " + cause.description() + attempts),
                attempt.receivedBytes());
        return false;
    }

    // The state as a whole.

    /** Does whatever can be done now, and sets the timer for the rest. */
    @GuardedBy("lock")
    private void pump() {
        long now = nowNanos();
        noticeSleep(now);
        if (!isOver()) {
            expire(now);
        }
        if (isOver()) {
            timer.cancel();
            return;
        }
        for (ReplicaConnection connection : connections) {
            if (connection.call == null && now >= connection.connectAtNanos) {
                connect(connection, now);
            }
        }
        for (Optional<ReplicaChoice.Choice> next = nextToAsk(now); next.isPresent(); next = nextToAsk(now)) {
            window.removeWaiting(next.get().entry());
            Attempt unused = send(next.get().connection(), next.get().entry(), now);
        }
        long hedgeAtNanos = hedge(now);
        boolean watched = window.firstWaiting() == null && rebalance(now);
        timer.set(Math.min(hedgeAtNanos, nextEventNanos(watched, now)), now);
    }

    /** Asks a second replica for the sequence that has gone unanswered for longest, where that is due. Returns when to look again. */
    @GuardedBy("lock")
    private long hedge(long now) {
        ReplicaChoice.Hedge due = ReplicaChoice.hedge(connections, window.counts(), hedgeNanos, now);
        if (due instanceof ReplicaChoice.Hedge.Later later) {
            return later.atNanos();
        }
        ReplicaChoice.Hedge.Now hedge = (ReplicaChoice.Hedge.Now) due;
        Entry entry = hedge.slowest().entry;
        entry.hedged = true;
        window.counts().hedged();
        Attempt second = send(hedge.second(), entry, now);
        second.hedge = true;
        second.span.setAttribute("lyne.hedge", true);
        second.twin = hedge.slowest();
        hedge.slowest().twin = second;
        return NEVER;
    }

    @GuardedBy("lock")
    private Optional<ReplicaChoice.Choice> nextToAsk(long now) {
        return ReplicaChoice.next(options.routing(), connections, window.waiting(), now);
    }

    @GuardedBy("lock")
    private void connect(ReplicaConnection connection, long now) {
        connection.attempts++;
        connection.replica.channel().resetConnectBackoff();
        Span span = traces.call(
                TeacherServiceGrpc.getScoreSequencesMethod().getFullMethodName(), connection.replica.label());
        ReplicaCall call = new ReplicaCall(now + options.timeouts().open().toNanos(), span);
        connection.call = call;
        TeacherServiceGrpc.newStub(connection.replica.channel())
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(RequestTraces.headers(span)))
                .scoreSequences(new CallResponses(call, connection, this));
        call.sendOpen(Contract.open(request, teacher, options));
    }

    @GuardedBy("lock")
    private Attempt send(ReplicaConnection connection, Entry entry, long now) {
        long timeout = options.timeouts().sequence().toNanos();
        // The server's own answer to the timeout comes first, if it still answers at all.
        long deadline = timeout == 0 ? NEVER : now + timeout + timeout / 4;
        Attempt attempt = new Attempt(++lastWireId, entry, now, deadline);
        attempt.span = traces.ask(entry.span, connection.replica.label());
        ask(connection, attempt, options);
        return attempt;
    }

    @GuardedBy("lock")
    private void ask(ReplicaConnection connection, Attempt attempt, ClientOptions how) {
        ReplicaCall call = connection.call;
        if (call == null) {
            throw new IllegalStateException("a sequence for a replica without a call");
        }
        connection.rate.started(attempt.sentNanos);
        String traceparent = RequestTraces.traceparent(attempt.span);
        call.ask(attempt, Contract.sequence(attempt.wireId, attempt.entry.sequence, how, traceparent));
    }

    /** Takes sequences from slow replicas to the fastest one. Returns whether more may follow in a moment. */
    @GuardedBy("lock")
    private boolean rebalance(long now) {
        boolean watched = false;
        while (true) {
            ReplicaChoice.Rebalancing next = ReplicaChoice.rebalance(connections, now);
            watched |= next.watched();
            if (next.move().isEmpty()) {
                return watched;
            }
            ReplicaChoice.Move move = next.move().get();
            ReplicaCall call = move.from().call;
            if (call == null) {
                throw new IllegalStateException("a sequence to be moved from a replica without a call");
            }
            moveAway(move.from(), call, move.attempt(), false, now);
            window.removeWaiting(move.attempt().entry);
            Attempt unused = send(move.to(), move.attempt().entry, now);
        }
    }

    /** A sequence is wanted of that replica no more; it is one of the waiting again. */
    @GuardedBy("lock")
    private void moveAway(ReplicaConnection from, ReplicaCall call, Attempt attempt, boolean leftBehind, long now) {
        if (leftBehind) {
            attempt.withdrawn = true;
        } else {
            call.withdraw(attempt);
        }
        attempt.entry.movedNanos = now;
        attempt.entry.lastFailedOn = from;
        if (leftToTwin(attempt)) {
            return;
        }
        window.askAgain(attempt.entry, attempt.receivedBytes());
    }

    /** Ends what has taken too long. */
    @GuardedBy("lock")
    private void expire(long now) {
        for (ReplicaConnection connection : List.copyOf(connections)) {
            ReplicaCall call = connection.call;
            if (call != null && call.opensTooLate(now)) {
                CallFailure late = CallFailure.of(
                        Status.Code.UNAVAILABLE,
                        "no answer within "
                                + Timeouts.inSeconds(options.timeouts().open()));
                endCall(connection, call, late);
            } else if (call != null && call.silentFor(silentNanos, now, progressTimeout.awokeNanos())) {
                CallFailure silent = CallFailure.of(
                        Status.Code.UNAVAILABLE,
                        "neither rows nor a word for " + ReplicaConnection.seconds(silentNanos)
                                + "; its connection is given up");
                connection.replica.channel().enterIdle(); // the next call makes a connection of its own
                endCall(connection, call, silent);
            } else if (call != null) {
                expireAsks(connection, call, now);
                watchDevice(connection, now);
            }
        }
        if (isOver() || (everOpened && window.unresolved() == 0)) {
            return;
        }
        if (progressTimeout.isOver(now)) {
            String what = everOpened
                    ? "no rows for " + Timeouts.inSeconds(progressTimeout.withoutRows(now)) + " with "
                            + window.unresolved() + " sequences wanted; "
                    : "";
            end(new TeacherUnavailableException(what + history()));
        } else if (progressTimeout.isLineDue(now)) {
            progressTimeout.tell(now, history());
        }
    }

    @GuardedBy("lock")
    private void expireAsks(ReplicaConnection connection, ReplicaCall call, long now) {
        for (Attempt attempt : call.inFlight().late(now)) {
            if (call.silentSince(attempt)) {
                CallFailure silent = CallFailure.of(
                        Status.Code.UNAVAILABLE,
                        "silent for " + Timeouts.inSeconds(options.timeouts().sequence()));
                endCall(connection, call, silent);
                return;
            }
            call.withdraw(attempt);
            CallFailure late = CallFailure.of(
                    Status.Code.DEADLINE_EXCEEDED,
                    "not answered within "
                            + Timeouts.inSeconds(options.timeouts().sequence()));
            onSequenceFailed(connection, attempt, late);
        }
    }

    /** Finds a replica whose device stands still; what it has goes to others where there are any. */
    @GuardedBy("lock")
    private void watchDevice(ReplicaConnection connection, long now) {
        ReplicaCall call = connection.call;
        if (call == null || !call.isOpen()) {
            return;
        }
        List<Attempt> wanted = call.inFlight().all().stream()
                .filter(attempt -> !attempt.withdrawn)
                .toList();
        boolean elsewhere = connections.stream().anyMatch(other -> other != connection && other.isUsable(now));
        if (connection.device.standsStill(wanted, progressTimeout.awokeNanos(), stuckNanos, now)) {
            options.listener()
                    .onWaiting("teacher " + connection.replica.label() + ": its device has stood still for "
                            + ReplicaConnection.seconds(stuckNanos) + " with " + wanted.size()
                            + " sequences in flight; "
                            + (elsewhere ? "they go to others" : "there is no other replica to give them to"));
        }
        if (!connection.device.isStuck()) {
            return;
        }
        boolean leftBehind =
                call.inFlight().all().stream().anyMatch(attempt -> attempt.withdrawn && !attempt.cancelled);
        for (Attempt attempt : elsewhere ? wanted : List.<Attempt>of()) {
            if (!attempt.entry.movedLately(now)) {
                moveAway(connection, call, attempt, !leftBehind, now);
                leftBehind = true;
            }
        }
        if (!leftBehind && wanted.isEmpty() && connection.device.isProbeDue(now)) {
            probe(connection, now);
        }
    }

    /** Asks a stuck replica for rows that are not wanted, so that the server tells when its device goes on. */
    @GuardedBy("lock")
    private void probe(ReplicaConnection connection, long now) {
        Entry entry = window.lastUnresolved();
        if (entry == null || !connection.hasRoomFor(entry)) {
            return;
        }
        connection.device.probed(stuckNanos, now);
        Attempt attempt = new Attempt(++lastWireId, entry, now, NEVER);
        attempt.withdrawn = true;
        ask(connection, attempt, options.toBuilder().bypassCache(true).build());
    }

    /** A timer that fires far later than set was asleep with its process: whatever was waited for gets its time again. */
    @GuardedBy("lock")
    private void noticeSleep(long now) {
        long late = timer.lateNanos(now);
        if (late < Math.min(MOST_LATE_NANOS, Math.max(TICK_NANOS, stuckNanos / 4))) {
            return;
        }
        progressTimeout.slept(now);
        for (ReplicaConnection connection : connections) {
            ReplicaCall call = connection.call;
            if (call != null) {
                call.slept(late);
            }
            connection.rate.slept(late);
        }
        timer.cancel();
        options.listener()
                .onWaiting("this process did not run for " + ReplicaConnection.seconds(late)
                        + "; its timeouts start anew");
    }

    @GuardedBy("lock")
    private long nextEventNanos(boolean watched, long now) {
        long next = NEVER;
        for (ReplicaConnection connection : connections) {
            ReplicaCall call = connection.call;
            next = Math.min(next, call == null ? connection.connectAtNanos : call.nextDeadlineNanos());
            if (window.firstWaiting() != null && connection.askAtNanos > now) {
                next = Math.min(next, connection.askAtNanos);
            }
        }
        if (everOpened && window.unresolved() == 0) {
            return next;
        }
        long tick = Math.min(
                TICK_NANOS,
                Math.max(
                        WATCH_NANOS,
                        Math.min(stuckNanos, options.timeouts().retry().toNanos()) / 8));
        return Math.min(Math.min(next, progressTimeout.endNanos()), now + (watched ? WATCH_NANOS : tick));
    }

    private void onTimer() {
        lock.lock();
        try {
            timer.fired();
            pump();
        } catch (Throwable e) {
            // The timer's thread has nobody else to tell.
            end(new TeacherUnavailableException("the client's own fault: " + e, e));
            throw e;
        } finally {
            lock.unlock();
        }
    }
}
