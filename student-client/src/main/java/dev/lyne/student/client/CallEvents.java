package dev.lyne.student.client;

import dev.lyne.v1.Credit;
import dev.lyne.v1.Teacher;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What follows from what the calls report: sequences are resolved, put back among the waiting ones or failed, a link is left
 * alone for a while, or the stream ends. All but {@link #locked} and {@link #lockedGet} are called with the stream's lock held.
 */
final class CallEvents {
    private final StreamState state;
    private final Window window;
    private final Links links;
    private final Patience patience;
    private final Retries retries;
    private final TargetRequest request;
    private final TeacherDescription teacher;
    private final Runnable onReplicaLost;
    private final Runnable pump;

    /**
     * @param onReplicaLost called, with the lock held, when a call has ended
     * @param pump called, with the lock held, when something may have become possible
     */
    CallEvents(
            StreamState state,
            Window window,
            Links links,
            Patience patience,
            Retries retries,
            TargetRequest request,
            TeacherDescription teacher,
            Runnable onReplicaLost,
            Runnable pump) {
        this.state = state;
        this.window = window;
        this.links = links;
        this.patience = patience;
        this.retries = retries;
        this.request = request;
        this.teacher = teacher;
        this.onReplicaLost = onReplicaLost;
        this.pump = pump;
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

    /** The transport has room again. */
    void onReady() {
        pump.run();
    }

    /** Whether the stream can use that teacher; ends the stream where it cannot. */
    boolean acceptsTeacher(Link link, TeacherDescription found) {
        try {
            TeacherAgreement.requireExpected(link.replica.label(), found, request.expectation());
            TeacherAgreement.requireSame(link.replica.label(), found, teacher);
            return true;
        } catch (TeacherMismatchException e) {
            links.endStream(e);
            pump.run();
            return false;
        }
    }

    BlockIdentity identity(Teacher found) {
        return Contract.identity(found, request);
    }

    void onOpened(Link link, ReplicaCall call, Credit credit) {
        call.opened(credit, state.nowNanos());
        link.lastFailure = null;
        if (link.attempts > 1) {
            window.counts().reconnected();
        }
        state.opened();
        pump.run();
    }

    void onCredit(ReplicaCall call, Credit credit) {
        call.granted(credit, state.nowNanos());
        pump.run();
    }

    void onMessage(ReplicaCall call) {
        call.heard(state.nowNanos());
    }

    void onRows() {
        patience.renew();
    }

    void onUnwantedBytes(long bytes) {
        window.counts().discarded(bytes);
    }

    /** Takes a sequence off the credit and says what came of it, unless it was withdrawn. */
    void onAnswered(ReplicaCall call, Ask ask, Runnable outcome) {
        call.inFlight().remove(ask);
        if (!ask.withdrawn) {
            outcome.run();
        }
        pump.run();
    }

    void onTargets(Link link, Ask ask, Targets targets) {
        link.backoff.reset();
        patience.renew();
        window.resolve(ask.entry, targets);
        state.changed.signalAll();
    }

    void onMisaligned(Ask ask, MisalignedTargetsException failure) {
        window.fail(ask.entry, failure, ask.receivedBytes());
        state.changed.signalAll();
    }

    void onSequenceFailed(Link link, Ask ask, Failure failure) {
        Failure.Remedy remedy = failure.ofSequence();
        if (remedy == Failure.Remedy.RETRY) {
            long delay = Math.max(failure.retryAfter().toNanos(), link.backoff.nextNanos());
            link.askAtNanos = state.nowNanos() + delay;
            link.lastFailure = failure;
        }
        if (!retries.askAgain(link, ask, failure, remedy, state.nowNanos())) {
            state.changed.signalAll();
        }
    }

    void onCallEnded(Link link, ReplicaCall call, Failure failure) {
        endCall(link, call, failure);
        pump.run();
    }

    /** Gives back what the call leaves unanswered, and leaves the replica alone for a while. */
    void endCall(Link link, ReplicaCall call, Failure failure) {
        link.call = null;
        link.lastFailure = failure;
        List<Ask> unanswered = call.end(failure.description());
        if (failure.ofCall() == Failure.Remedy.GIVE_UP) {
            links.endStream(failure.asFinal(link.replica.label()));
            return;
        }
        long now = state.nowNanos();
        link.connectAtNanos = now + Math.max(failure.retryAfter().toNanos(), link.backoff.nextNanos());
        for (Ask ask : unanswered) {
            retries.askAgain(link, ask, failure, Failure.Remedy.RETRY, now);
        }
        state.changed.signalAll();
        onReplicaLost.run();
    }
}
