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
    private final StreamState state;
    private final Window window;
    private final Retries retries;
    private final TargetRequest request;
    private final TeacherDescription teacher;
    private final ClientOptions options;
    private final Alarm alarm;
    private final RandomGenerator random;
    private final Runnable onReplicaLost;

    // Guarded by the lock.
    private final List<Link> links = new ArrayList<>();
    private boolean everOpened;
    private long lastWireId;
    private long progressNanos;

    Fleet(
            StreamState state,
            Window window,
            TargetRequest request,
            TeacherDescription teacher,
            ClientOptions options,
            ScheduledExecutorService timers,
            RandomGenerator random,
            Runnable onReplicaLost) {
        this.state = state;
        this.window = window;
        this.retries = new Retries(window, options);
        this.request = request;
        this.teacher = teacher;
        this.options = options;
        this.alarm = new Alarm(timers, this::onAlarm);
        this.random = random;
        this.onReplicaLost = onReplicaLost;
    }

    long nowNanos() {
        return state.nowNanos();
    }

    boolean everOpened() {
        return everOpened;
    }

    /** Runs a callback's part under the lock, unless its call is over. */
    void locked(ReplicaCall call, Runnable part) {
        state.lock.lock();
        try {
            if (!call.hasEnded()) {
                part.run();
            }
        } finally {
            state.lock.unlock();
        }
    }

    /** Like {@link #locked}; null where the call is over. */
    <T> @Nullable T lockedGet(ReplicaCall call, Supplier<@Nullable T> part) {
        state.lock.lock();
        try {
            return call.hasEnded() ? null : part.get();
        } finally {
            state.lock.unlock();
        }
    }

    /** Sets the replicas that there are; links to others go once their calls have ended. With the lock held. */
    void setReplicas(Collection<Replica> replicas) {
        if (state.isOver()) {
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
        state.lock.lock();
        try {
            pump();
        } finally {
            state.lock.unlock();
        }
    }

    boolean acceptsTeacher(Link link, TeacherDescription found) {
        try {
            TeacherAgreement.requireExpected(link.replica.label(), found, request.expectation());
            TeacherAgreement.requireSame(link.replica.label(), found, teacher);
            return true;
        } catch (TeacherMismatchException e) {
            end(e);
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
        state.changed.signalAll();
        pump();
    }

    void onTargets(Link link, Ask ask, Targets targets) {
        link.backoff.reset();
        onProgress();
        window.resolve(ask.entry, targets);
        state.changed.signalAll();
    }

    void onMisaligned(Ask ask, MisalignedTargetsException failure) {
        window.fail(ask.entry, failure, ask.receivedBytes());
        state.changed.signalAll();
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
            state.changed.signalAll();
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
            end(failure.asFinal(link.replica.label()));
            return;
        }
        long now = nowNanos();
        link.connectAtNanos = now + Math.max(failure.retryAfter().toNanos(), link.backoff.nextNanos());
        for (Ask ask : unanswered) {
            retries.askAgain(link, ask, failure, Failure.Remedy.RETRY, now);
        }
        state.changed.signalAll();
        onReplicaLost.run();
    }

    /** Ends the stream: with a failure, or closed by the student. Sequences already resolved can still be taken after a failure. */
    void end(@Nullable TeacherException failure) {
        if (!state.end(failure)) {
            return;
        }
        for (Link link : links) {
            ReplicaCall call = link.call;
            if (call != null) {
                call.end(failure == null ? "closed by the student" : "the stream failed");
            }
        }
        links.clear();
        alarm.cancel();
    }

    /** What was tried, replica by replica. */
    String history() {
        return links.stream().map(Link::history).collect(Collectors.joining("; "));
    }

    /** Does whatever can be done now, and sets the timer for the rest. With the lock held. */
    void pump() {
        if (state.isOver()) {
            return;
        }
        long now = nowNanos();
        expire(now);
        if (state.isOver()) {
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
        alarm.setAt(nextEventNanos(now), now);
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
            if (call != null && call.opensTooLate(now)) {
                endCall(call, Failure.of(Status.Code.UNAVAILABLE, "no answer within " + options.openTimeout()));
            } else if (call != null) {
                expireAsks(link, call, now);
            }
        }
        if (window.unresolved() > 0 && now - progressNanos >= options.retryFor().toNanos()) {
            end(new TeacherUnavailableException("no rows for " + options.retryFor() + " with " + window.unresolved()
                    + " sequences wanted; " + history()));
        }
    }

    private void expireAsks(Link link, ReplicaCall call, long now) {
        for (Ask ask : call.late(now)) {
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

    private long nextEventNanos(long now) {
        boolean wanted = window.firstWaiting() != null;
        long next = links.stream()
                .mapToLong(link -> link.nextEventNanos(wanted, now))
                .min()
                .orElse(Long.MAX_VALUE);
        return window.unresolved() == 0
                ? next
                : Math.min(next, progressNanos + options.retryFor().toNanos());
    }

    private void onAlarm() {
        state.lock.lock();
        try {
            alarm.wentOff();
            pump();
        } catch (RuntimeException e) {
            // The timer's thread has nobody else to tell.
            end(new TeacherUnavailableException("the client's own fault: " + e, e));
        } finally {
            state.lock.unlock();
        }
    }
}
