package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.tenant.Caller;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.LoggerFactory;

/**
 * A call with messages both ways, from its beginning to its end: its first message opens it, or is refused; later ones go to what was opened.
 * gRPC calls the observer's methods one at a time; {@link OpenCall}'s come from other threads.
 *
 * @param <Q> a request
 * @param <A> an answer
 */
final class TeacherCall<Q, A> implements StreamObserver<Q>, OpenCall {
    private static final PacedLog REFUSALS = new PacedLog(LoggerFactory.getLogger(TeacherCall.class));

    /** Opens a call by its first message. */
    interface Opener<Q, A> {
        /** Checks the message, and answers it where the call opens. */
        AdmissionResult<OpenedCall<Q>> open(Q first, TeacherCall<Q, A> call);
    }

    private final ServerCallStreamObserver<A> call;
    private final PacedSender<A> sender;
    private final Opener<Q, A> opener;
    private final RpcMetrics metrics;
    private final UnsentBudget unsent;

    private volatile Caller caller = Caller.current();
    private volatile boolean refused; // changed by gRPC's calls alone

    private final Object lock = new Object();

    @GuardedBy("lock")
    private Optional<OpenedCall<Q>> opened = Optional.empty();

    @GuardedBy("lock")
    private Optional<Failure> draining = Optional.empty();

    /** Takes the call over. Called before gRPC delivers anything. */
    TeacherCall(
            ServerCallStreamObserver<A> call,
            Opener<Q, A> opener,
            RpcMetrics metrics,
            UnsentBudget unsent,
            LongSupplier nanoClock,
            Consumer<OpenCall> whenEnded) {
        this.call = call;
        this.opener = opener;
        this.metrics = metrics;
        this.unsent = unsent;
        UnsentBudget.Share share = unsent.open(() -> opened().ifPresent(OpenedCall::roomTaken));
        this.sender = new PacedSender<>(call, metrics, share, nanoClock, () -> {
            opened().ifPresent(OpenedCall::release);
            whenEnded.accept(this);
        });
        call.disableAutoRequest();
        call.setOnReadyHandler(sender::pump);
        // gRPC tells of an end in one of two ways: a call that the client or the network ended is cancelled, one that
        // this side ended, be it
        // gRPC itself, is closed.
        call.setOnCancelHandler(sender::callEnded);
        call.setOnCloseHandler(sender::callEnded);
        call.request(1);
    }

    /** Returns the sender of its answers. */
    PacedSender<A> sender() {
        return sender;
    }

    /** Asks for the next request, unless the call was refused. */
    void readNext() {
        if (!refused) {
            call.request(1);
        }
    }

    @Override
    public void onNext(Q request) {
        if (refused) {
            return; // what was on its way when the call was refused
        }
        Optional<OpenedCall<Q>> known = opened();
        if (known.isPresent()) {
            known.get().onRequest(request);
        } else {
            open(request);
        }
    }

    private void open(Q first) {
        AdmissionResult<OpenedCall<Q>> result = opener.open(first, this);
        if (result instanceof AdmissionResult.Refused<OpenedCall<Q>> none) {
            Failure failure = none.failure();
            REFUSALS.warn(
                    "refused a stream: tenant=" + caller + " reason=" + failure.reason() + ": " + failure.message());
            refuse(failure);
        } else if (result instanceof AdmissionResult.Accepted<OpenedCall<Q>> accepted) {
            begin(accepted.value());
        }
    }

    private void begin(OpenedCall<Q> one) {
        Optional<Failure> goingAway;
        synchronized (lock) {
            opened = Optional.of(
                    one); // before it is asked whether the teacher leaves: who takes it away looks afterwards
            goingAway = draining;
        }
        if (sender.isOver()) {
            one.release(); // it ended before anybody knew of it
            return;
        }
        goingAway.or(one::leaving).ifPresent(one::drain);
        readNext();
    }

    /** Ends the call for what its student said, of which nothing more is read. Called where gRPC delivers a request. */
    void refuse(Failure failure) {
        refused = true;
        cut(failure);
    }

    @Override
    public void onCompleted() {
        Optional<OpenedCall<Q>> known = opened();
        if (known.isPresent()) {
            known.get().halfClose();
        } else if (!refused) {
            refuse(new Failure(Failure.Reason.PROTOCOL_VIOLATION, "message: none (expected: open first)"));
        }
    }

    @Override
    public void onError(Throwable t) {
        sender.callEnded();
    }

    @Override
    public void tellProgress() {
        opened().ifPresent(OpenedCall::tellProgress);
    }

    @Override
    public void cut(Failure failure) {
        metrics.refused(failure);
        sender.endNow(failure);
    }

    @Override
    public void endWhereStalled() {
        if (sender.waits() && unsent.isStalled(sender.lastTakenNanos())) {
            cut(new Failure(
                    Failure.Reason.READER_STALLED,
                    "answers waited for their reader for " + TimeUnit.NANOSECONDS.toSeconds(UnsentBudget.STALLED_NANOS)
                            + " s while others waited for the room (expected: a student that reads)"));
        }
    }

    @Override
    public void drain(Failure why) {
        Optional<OpenedCall<Q>> known;
        synchronized (lock) {
            draining = Optional.of(why);
            known = opened;
        }
        if (known.isPresent()) {
            known.get().drain(why);
        } else {
            sender.endAfterQueue(why);
        }
    }

    @Override
    public boolean asks(ServedTeacher teacher) {
        return opened().filter(one -> one.teacher().equals(teacher)).isPresent();
    }

    @Override
    public Optional<SessionStatus> session() {
        return opened().flatMap(OpenedCall::session);
    }

    @Override
    public Optional<StreamStatus> status() {
        return opened().flatMap(OpenedCall::status);
    }

    @Override
    public Caller caller() {
        return caller;
    }

    @Override
    public void renew(Caller known) {
        caller = known;
        opened().flatMap(one -> one.renew(known)).ifPresent(this::cut);
    }

    private Optional<OpenedCall<Q>> opened() {
        synchronized (lock) {
            return opened;
        }
    }
}
