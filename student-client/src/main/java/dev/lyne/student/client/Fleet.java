package dev.lyne.student.client;

import dev.lyne.v1.TeacherServiceGrpc;
import io.grpc.Status;
import java.util.Collection;
import java.util.concurrent.ScheduledExecutorService;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The replicas of one stream: keeps a call open to each, gives every waiting sequence to the open call with the fewest tokens
 * in flight, and gives up what takes too long.
 *
 * <p>What is wanted flows from {@link Window} through this class to {@link ReplicaCall}; what comes back flows from
 * {@link CallResponses} through {@link CallEvents} to {@link Window}. All of them are guarded by the stream's one lock, which is
 * never held while anything blocks: sending only queues, and a message is sent only where the transport is ready for it.
 * Whatever happens ends in {@link #pump}, which looks at the whole state, does what can be done now and sets one timer for the
 * next moment at which something can.
 */
final class Fleet {
    private final StreamState state;
    private final Window window;
    private final TargetRequest request;
    private final TeacherDescription teacher;
    private final ClientOptions options;
    private final Patience patience;
    private final Links links;
    private final CallEvents events;
    private final Alarm alarm;

    /** Guarded by the lock. */
    private long lastWireId;

    Fleet(
            StreamState state,
            Window window,
            Patience patience,
            TargetRequest request,
            TeacherDescription teacher,
            ClientOptions options,
            ScheduledExecutorService timers,
            RandomGenerator random,
            Runnable onReplicaLost) {
        this.state = state;
        this.window = window;
        this.patience = patience;
        this.request = request;
        this.teacher = teacher;
        this.options = options;
        this.links = new Links(state, options, random);
        this.events = new CallEvents(
                state,
                window,
                links,
                patience,
                new Retries(window, options),
                request,
                teacher,
                onReplicaLost,
                this::pump);
        this.alarm = new Alarm(timers, this::onAlarm);
    }

    /** Sets the replicas that there are. With the lock held. */
    void setReplicas(Collection<Replica> replicas) {
        if (!state.isOver()) {
            links.setReplicas(replicas);
            pump();
        }
    }

    /** Ends the stream: with a failure, or closed by the student. With the lock held. */
    void end(@Nullable TeacherException failure) {
        links.endStream(failure);
        alarm.cancel();
    }

    /** What was tried, replica by replica. With the lock held. */
    String history() {
        return links.history();
    }

    /** Does whatever can be done now, and sets the timer for the rest. With the lock held. */
    void pump() {
        long now = state.nowNanos();
        if (!state.isOver()) {
            expire(now);
        }
        if (state.isOver()) {
            alarm.cancel();
            return;
        }
        for (Link link : links.all()) {
            if (link.call == null && now >= link.connectAtNanos) {
                connect(link, now);
            }
        }
        for (Entry entry = window.firstWaiting(); entry != null; entry = window.firstWaiting()) {
            ReplicaCall call = links.choose(entry, now);
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
        ReplicaCall call = new ReplicaCall(now + options.openTimeout().toNanos());
        link.call = call;
        TeacherServiceGrpc.newStub(link.replica.channel()).scoreSequences(new CallResponses(call, link, events));
        call.sendOpen(Contract.open(request, teacher, options));
    }

    private void send(ReplicaCall call, Entry entry, long now) {
        long timeout = options.sequenceTimeout().toNanos();
        // The server's own answer to the timeout comes first, if it still answers at all.
        long deadline = timeout == 0 ? Long.MAX_VALUE : now + timeout + timeout / 4;
        Ask ask = new Ask(++lastWireId, entry, now, deadline);
        call.ask(ask, Contract.sequence(ask.wireId, entry.sequence, options));
    }

    /** Ends what has taken too long. */
    private void expire(long now) {
        for (Link link : links.all()) {
            ReplicaCall call = link.call;
            if (call != null && call.opensTooLate(now)) {
                Failure failure = Failure.of(Status.Code.UNAVAILABLE, "no answer within " + options.openTimeout());
                events.endCall(link, call, failure);
            } else if (call != null) {
                expireAsks(link, call, now);
            }
        }
        if (window.unresolved() > 0 && patience.isOver(now)) {
            end(new TeacherUnavailableException("no rows for " + options.retryFor() + " with " + window.unresolved()
                    + " sequences wanted; " + history()));
        }
    }

    private void expireAsks(Link link, ReplicaCall call, long now) {
        for (Ask ask : call.inFlight().late(now)) {
            if (call.silentSince(ask)) {
                Failure failure = Failure.of(Status.Code.UNAVAILABLE, "silent for " + options.sequenceTimeout());
                events.endCall(link, call, failure);
                return;
            }
            call.withdraw(ask);
            Failure failure =
                    Failure.of(Status.Code.DEADLINE_EXCEEDED, "not answered within " + options.sequenceTimeout());
            events.onSequenceFailed(link, ask, failure);
        }
    }

    private long nextEventNanos(long now) {
        long next = links.nextEventNanos(window.firstWaiting() != null, now);
        return window.unresolved() == 0 ? next : Math.min(next, patience.endNanos());
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
