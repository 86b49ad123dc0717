package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.admission.StreamTerms;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.v1.Credit;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.StreamOpened;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.LoggerFactory;

/**
 * A call of ScoreSequences from its first message on: opens the stream, and hands the rest to it. gRPC calls the observer's
 * methods one at a time; {@link #drain} comes from another thread.
 */
final class StreamCall implements StreamObserver<ScoreSequencesRequest>, OpenCall {
    private static final PacedLog REFUSALS = new PacedLog(LoggerFactory.getLogger(StreamCall.class));

    private final ServerCallStreamObserver<ScoreSequencesResponse> call;
    private final PacedSender<ScoreSequencesResponse> sender;
    private final Teachers teachers;
    private final Admission admission;
    private final RpcMetrics metrics;
    private final UnsentBudget unsent;
    private final LongSupplier nanoClock;

    private volatile Caller caller = Caller.current();
    private boolean refused; // owned by gRPC's calls

    private final Object lock = new Object();

    @GuardedBy("lock")
    private Optional<ScoreStream> stream = Optional.empty();

    @GuardedBy("lock")
    private boolean draining;

    /** Takes the call over. Called before gRPC delivers anything. */
    StreamCall(
            ServerCallStreamObserver<ScoreSequencesResponse> call,
            Teachers teachers,
            Admission admission,
            UnsentBudget unsent,
            LongSupplier nanoClock,
            Consumer<OpenCall> whenEnded) {
        this.call = call;
        this.teachers = teachers;
        this.admission = admission;
        this.metrics = teachers.metrics();
        this.unsent = unsent;
        this.nanoClock = nanoClock;
        UnsentBudget.Share share = unsent.open(() -> stream().ifPresent(ScoreStream::roomTaken));
        this.sender = new PacedSender<>(call, metrics, share, nanoClock, () -> {
            stream().ifPresent(ScoreStream::release);
            whenEnded.accept(this);
        });
        call.disableAutoRequest();
        call.setOnReadyHandler(sender::pump);
        // gRPC tells of an end in one of two ways: a call that the client or the network ended is cancelled, one that
        // this side
        // ended, be it gRPC itself, is closed.
        call.setOnCancelHandler(sender::callEnded);
        call.setOnCloseHandler(sender::callEnded);
        call.request(1);
    }

    @Override
    public void onNext(ScoreSequencesRequest request) {
        if (refused) {
            return; // what was on its way when the call was refused
        }
        Optional<ScoreStream> opened = stream();
        if (opened.isPresent()) {
            opened.get().onRequest(request);
        } else if (request.getMessageCase() == ScoreSequencesRequest.MessageCase.OPEN) {
            open(request.getOpen());
        } else {
            fail(new Failure(
                    Failure.Reason.PROTOCOL_VIOLATION,
                    "message: " + request.getMessageCase() + " (expected: open first)"));
        }
    }

    private void open(OpenStream open) {
        AdmissionResult<ServedTeacher> found = teachers.find(open.getTeacher(), caller);
        if (found instanceof AdmissionResult.Refused<ServedTeacher> refused) {
            fail(refused.failure());
        } else if (found instanceof AdmissionResult.Accepted<ServedTeacher> accepted) {
            open(open, accepted.value());
        }
    }

    private void open(OpenStream open, ServedTeacher teacher) {
        AdmissionResult<StreamTerms> result = admission.open(open, teacher.description(), caller);
        if (result instanceof AdmissionResult.Refused<StreamTerms> refused) {
            fail(refused.failure());
            return;
        }
        StreamTerms terms = ((AdmissionResult.Accepted<StreamTerms>) result).value();
        Optional<Failure> unanswerable = teacher.sequences().refusal(terms.format());
        if (unanswerable.isPresent()) {
            fail(unanswerable.get());
            return;
        }
        ScoreStream opened = new ScoreStream(
                terms,
                teacher,
                teachers,
                admission,
                nanoClock,
                call,
                sender,
                PrintableText.ofClient(open.getStudent()));
        StreamOpened answer = StreamOpened.newBuilder()
                .setTeacher(teachers.describe(teacher))
                .setCredit(Credit.newBuilder()
                        .setSequences(terms.creditSequences())
                        .setTokens(terms.creditTokens()))
                .build();
        sender.offer(Outgoing.message(
                ScoreSequencesResponse.newBuilder().setOpened(answer).build(), () -> {}));
        boolean drainNow;
        synchronized (lock) {
            stream = Optional.of(opened);
            drainNow = draining;
        }
        if (sender.isOver()) {
            opened.release(); // it ended before anybody knew of it
            return;
        }
        if (drainNow) {
            opened.drain();
        }
        call.request(1);
    }

    private void fail(Failure failure) {
        refused = true;
        metrics.refused(failure);
        REFUSALS.warn("refused a stream: tenant=" + caller + " reason=" + failure.reason() + ": " + failure.message());
        sender.endNow(failure);
    }

    @Override
    public void onCompleted() {
        Optional<ScoreStream> opened = stream();
        if (opened.isPresent()) {
            opened.get().halfClose();
        } else if (!refused) {
            fail(new Failure(Failure.Reason.PROTOCOL_VIOLATION, "message: none (expected: open first)"));
        }
    }

    @Override
    public void onError(Throwable t) {
        sender.callEnded();
    }

    @Override
    public void tellProgress() {
        stream().ifPresent(ScoreStream::tellProgress);
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
                    "rows waited for their reader for " + TimeUnit.NANOSECONDS.toSeconds(UnsentBudget.STALLED_NANOS)
                            + " s while others waited for the room (expected: a student that reads)"));
        }
    }

    @Override
    public void drain() {
        Optional<ScoreStream> opened;
        synchronized (lock) {
            draining = true;
            opened = stream;
        }
        if (opened.isPresent()) {
            opened.get().drain();
        } else {
            sender.endAfterQueue(observer -> observer.onError(Statuses.toException(Admission.drainingFailure())));
        }
    }

    @Override
    public Optional<StreamStatus> status() {
        return stream().map(ScoreStream::status);
    }

    @Override
    public Caller caller() {
        return caller;
    }

    @Override
    public void renew(Caller known) {
        caller = known;
        stream().flatMap(one -> one.renew(known)).ifPresent(this::cut);
    }

    private Optional<ScoreStream> stream() {
        synchronized (lock) {
            return stream;
        }
    }
}
