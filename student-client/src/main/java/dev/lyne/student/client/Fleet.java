package dev.lyne.student.client;

import dev.lyne.v1.Sequence;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The replicas of one stream: keeps a call open to each, gives every waiting sequence to the open call with the fewest tokens
 * in flight, and asks again what a broken call leaves unanswered.
 *
 * <p>Everything here is guarded by one lock, which is never held while anything blocks: sending only queues, and a message is
 * sent only where the transport is ready for it. Whatever happens ends in {@link #pump}, which looks at the whole state, does
 * what can be done now and sets one timer for the next moment at which something can.
 */
final class Fleet {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Window window;
    private final Retries retries;
    private final TargetRequest request;
    private final TeacherDescription teacher;
    private final ClientOptions options;
    private final LongSupplier nanoTime;
    private final long originNanos;
    private final ScheduledExecutorService timers;
    private final RandomGenerator random;
    private final Runnable onReplicaLost;

    // Guarded by the lock.
    private final List<Link> links = new ArrayList<>();
    private boolean everOpened;
    private boolean closed;
    private @Nullable TeacherException finalFailure;
    private long lastWireId;
    private long progressNanos;
    private @Nullable ScheduledFuture<?> timer;
    private long timerNanos;

    Fleet(
            Window window,
            TargetRequest request,
            TeacherDescription teacher,
            ClientOptions options,
            LongSupplier nanoTime,
            ScheduledExecutorService timers,
            RandomGenerator random,
            Runnable onReplicaLost) {
        this.window = window;
        this.retries = new Retries(window, options);
        this.request = request;
        this.teacher = teacher;
        this.options = options;
        this.nanoTime = nanoTime;
        this.timers = timers;
        this.random = random;
        this.onReplicaLost = onReplicaLost;
        this.originNanos = nanoTime.getAsLong();
    }

    ReentrantLock lock() {
        return lock;
    }

    /** Signalled whenever a sequence is resolved, a call opens, the stream fails or closes. */
    Condition changed() {
        return changed;
    }

    /** Nanoseconds since the stream was made, so that later moments are greater numbers. */
    long nowNanos() {
        return nanoTime.getAsLong() - originNanos;
    }

    boolean everOpened() {
        return everOpened;
    }

    boolean isClosed() {
        return closed;
    }

    @Nullable
    TeacherException finalFailure() {
        return finalFailure;
    }

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

    /** Sets the replicas that there are; links to others go once their calls have ended. With the lock held. */
    void setReplicas(Collection<Replica> replicas) {
        if (closed || finalFailure != null) {
            return;
        }
        links.removeIf(link -> link.call == null && !replicas.contains(link.replica));
        for (Replica replica : replicas) {
            if (links.stream().noneMatch(link -> link.replica.equals(replica))) {
                links.add(new Link(
                        replica, new Backoff(options.firstBackoff(), options.maxBackoff(), random), nowNanos()));
            }
        }
        pump();
    }

    /** The clock of patience starts with the first sequence that has to be waited for. With the lock held. */
    void onProgress() {
        progressNanos = nowNanos();
    }

    void onReady() {
        lock.lock();
        try {
            pump();
        } finally {
            lock.unlock();
        }
    }

    boolean acceptsTeacher(Link link, TeacherDescription found) {
        try {
            TeacherAgreement.requireExpected(link.replica.label(), found, request.expectation());
            TeacherAgreement.requireSame(link.replica.label(), found, teacher);
            return true;
        } catch (TeacherMismatchException e) {
            fail(e);
            return false;
        }
    }

    BlockIdentity identity(Teacher found) {
        return Contract.identity(found, request);
    }

    void onOpened(Link link) {
        everOpened = true;
        link.lastFailure = null;
        if (link.attempts > 1) {
            window.countReconnect();
        }
        changed.signalAll();
        pump();
    }

    void onTargets(Link link, Ask ask, Targets targets) {
        link.backoff.reset();
        onProgress();
        window.resolve(ask.entry, targets);
        changed.signalAll();
    }

    void onMisaligned(Ask ask, MisalignedTargetsException failure) {
        window.fail(ask.entry, failure, ask.receivedBytes());
        changed.signalAll();
    }

    void onUnwantedBytes(long bytes) {
        window.discard(bytes);
    }

    void onSequenceFailed(Link link, Ask ask, Failure failure) {
        Failure.Remedy remedy = failure.ofSequence();
        if (remedy == Failure.Remedy.RETRY) {
            long delay = Math.max(failure.retryAfter().toNanos(), link.backoff.nextNanos());
            link.askAtNanos = nowNanos() + delay;
            link.lastFailure = failure;
        }
        if (!retries.askAgain(link, ask, failure, remedy, nowNanos())) {
            changed.signalAll();
        }
    }

    void onProtocolError(ReplicaCall call, String what) {
        onCallEnded(call, Failure.of(Status.Code.INTERNAL, "broke the protocol: " + what));
    }

    void onCallEnded(ReplicaCall call, Failure failure) {
        endCall(call, failure);
        pump();
    }

    /** Gives back what the call leaves unanswered, and leaves the replica alone for a while. */
    private void endCall(ReplicaCall call, Failure failure) {
        Link link = call.link();
        link.call = null;
        link.lastFailure = failure;
        List<Ask> unanswered = call.end(failure.description());
        if (failure.ofCall() == Failure.Remedy.GIVE_UP) {
            String message = "teacher " + link.replica.label() + ": " + failure;
            fail(
                    failure.code() == Status.Code.FAILED_PRECONDITION
                            ? new TeacherMismatchException(message)
                            : new TeacherRefusedException(message));
            return;
        }
        long now = nowNanos();
        link.connectAtNanos = now + Math.max(failure.retryAfter().toNanos(), link.backoff.nextNanos());
        for (Ask ask : unanswered) {
            retries.askAgain(link, ask, failure, Failure.Remedy.RETRY, now);
        }
        changed.signalAll();
        onReplicaLost.run();
    }

    /** Ends the stream with a failure; sequences already resolved can still be taken. */
    void fail(TeacherException failure) {
        if (finalFailure == null && !closed) {
            finalFailure = failure;
            endAll("the stream failed");
        }
    }

    void close() {
        if (!closed) {
            closed = true;
            endAll("closed by the student");
        }
    }

    private void endAll(String reason) {
        for (Link link : links) {
            ReplicaCall call = link.call;
            if (call != null) {
                call.end(reason);
            }
        }
        links.clear();
        if (timer != null) {
            timer.cancel(false);
        }
        changed.signalAll();
    }

    /** What was tried, replica by replica. */
    String history() {
        return links.stream().map(Link::history).collect(Collectors.joining("; "));
    }

    /** Does whatever can be done now, and sets the timer for the rest. With the lock held. */
    void pump() {
        if (closed || finalFailure != null) {
            return;
        }
        long now = nowNanos();
        expire(now);
        if (finalFailure != null) {
            return;
        }
        for (Link link : links) {
            if (link.call == null && now >= link.connectAtNanos) {
                connect(link, now);
            }
        }
        for (Entry entry = window.firstWaiting(); entry != null; entry = window.firstWaiting()) {
            ReplicaCall call = choose(entry, now);
            if (call == null) {
                break;
            }
            window.removeFirstWaiting();
            send(call, entry, now);
        }
        setTimer(now);
    }

    private void connect(Link link, long now) {
        link.attempts++;
        link.replica.channel().resetConnectBackoff();
        ReplicaCall call = new ReplicaCall(
                this,
                link,
                Contract.open(request, teacher, options),
                now + options.openTimeout().toNanos());
        link.call = call;
        TeacherServiceGrpc.newStub(link.replica.channel()).scoreSequences(call);
        call.sendOpen();
    }

    /** The open call with the fewest tokens in flight; one that just failed this sequence comes last. */
    private @Nullable ReplicaCall choose(Entry entry, long now) {
        ReplicaCall best = null;
        for (Link link : links) {
            ReplicaCall call = link.call;
            if (call == null || now < link.askAtNanos || !call.hasRoomFor(entry.tokens())) {
                continue;
            }
            if (best == null || preference(entry).compare(call, best) < 0) {
                best = call;
            }
        }
        return best;
    }

    private static Comparator<ReplicaCall> preference(Entry entry) {
        return Comparator.<ReplicaCall, Boolean>comparing(call -> call.link() == entry.lastFailedOn)
                .thenComparing(ReplicaCall::tokensInFlight);
    }

    private void send(ReplicaCall call, Entry entry, long now) {
        long timeout = options.sequenceTimeout().toNanos();
        // The server's own answer to the timeout comes first, if it still answers at all.
        long deadline = timeout == 0 ? Long.MAX_VALUE : now + timeout + timeout / 4;
        Ask ask = new Ask(++lastWireId, entry, now, deadline);
        Sequence message = Contract.sequence(ask.wireId, entry.sequence, options);
        call.ask(ask, message);
    }

    /** Ends what has taken too long. */
    private void expire(long now) {
        for (Link link : List.copyOf(links)) {
            ReplicaCall call = link.call;
            if (call != null && now >= call.openDeadlineNanos()) {
                endCall(call, Failure.of(Status.Code.UNAVAILABLE, "no answer within " + options.openTimeout()));
            } else if (call != null) {
                expireAsks(link, call, now);
            }
        }
        if (window.unresolved() > 0 && now - progressNanos >= options.retryFor().toNanos()) {
            fail(new TeacherUnavailableException("no rows for " + options.retryFor() + " with " + window.unresolved()
                    + " sequences wanted; " + history()));
        }
    }

    private void expireAsks(Link link, ReplicaCall call, long now) {
        for (Ask ask : List.copyOf(call.asks())) {
            if (ask.withdrawn || now < ask.deadlineNanos) {
                continue;
            }
            if (call.silentSince(ask)) {
                endCall(call, Failure.of(Status.Code.UNAVAILABLE, "silent for " + options.sequenceTimeout()));
                return;
            }
            call.withdraw(ask);
            Failure failure =
                    Failure.of(Status.Code.DEADLINE_EXCEEDED, "not answered within " + options.sequenceTimeout());
            onSequenceFailed(link, ask, failure);
        }
    }

    private void setTimer(long now) {
        long next = Long.MAX_VALUE;
        for (Link link : links) {
            ReplicaCall call = link.call;
            if (call == null) {
                next = Math.min(next, link.connectAtNanos);
                continue;
            }
            next = Math.min(next, call.openDeadlineNanos());
            if (window.firstWaiting() != null && link.askAtNanos > now) {
                next = Math.min(next, link.askAtNanos);
            }
            for (Ask ask : call.asks()) {
                next = ask.withdrawn ? next : Math.min(next, ask.deadlineNanos);
            }
        }
        if (window.unresolved() > 0) {
            next = Math.min(next, progressNanos + options.retryFor().toNanos());
        }
        if (next == Long.MAX_VALUE || (timer != null && timerNanos <= next)) {
            return;
        }
        if (timer != null) {
            timer.cancel(false);
        }
        timerNanos = next;
        timer = timers.schedule(this::onTimer, Math.max(next - now, 0), TimeUnit.NANOSECONDS);
    }

    private void onTimer() {
        lock.lock();
        try {
            timer = null;
            pump();
        } catch (RuntimeException e) {
            // The timer's thread has nobody else to tell.
            fail(new TeacherUnavailableException("the client's own fault: " + e, e));
        } finally {
            lock.unlock();
        }
    }
}
