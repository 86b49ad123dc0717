package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.admission.DecodeAdmission;
import dev.lyne.teacher.decode.DecodeListener;
import dev.lyne.teacher.decode.DecodeScheduler;
import dev.lyne.teacher.decode.DecodeSession;
import dev.lyne.teacher.decode.DecodeStart;
import dev.lyne.teacher.decode.DecodeStep;
import dev.lyne.teacher.decode.DecodeTerms;
import dev.lyne.teacher.decode.DecodedColumns;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.v1.DecodeFailed;
import dev.lyne.v1.DecodeOpened;
import dev.lyne.v1.DecodeProgress;
import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import dev.lyne.v1.DecodeSequence;
import dev.lyne.v1.DecodedTokens;
import dev.lyne.v1.OpenDecode;
import dev.lyne.v1.StartSequences;
import dev.lyne.v1.StepSequences;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A call of Decode: opens its session, hands requests to it and its answers to the sender. gRPC calls the observer's methods one at a time;
 * the session, the sender and a drain call from other threads. Bytes that wait for the reader are bounded: above {@link #FULL_BYTES} nothing is
 * computed for it, and no request read.
 */
final class DecodeCall implements StreamObserver<DecodeRequest>, OpenCall, DecodeListener {
    private static final Logger LOG = LoggerFactory.getLogger(DecodeCall.class);
    private static final long FULL_BYTES = 1 << 18;

    private final ServerCallStreamObserver<DecodeResponse> call;
    private final PacedSender<DecodeResponse> sender;
    private final Teachers teachers;
    private final DecodeAdmission admission;
    private final RpcMetrics metrics;
    private final AtomicLong waitingBytes = new AtomicLong();

    private volatile Caller caller = Caller.current();
    private boolean refused; // owned by gRPC's calls

    private final Object lock = new Object();

    @GuardedBy("lock")
    private Optional<Opened> opened = Optional.empty();

    @GuardedBy("lock")
    private boolean draining;

    @GuardedBy("lock")
    private boolean readingPaused;

    /** A session with what it was opened with. */
    private record Opened(DecodeTerms terms, DecodeSession session, ServedTeacher teacher) {}

    /** Takes the call over. Called before gRPC delivers anything. */
    DecodeCall(
            ServerCallStreamObserver<DecodeResponse> call,
            Teachers teachers,
            DecodeAdmission admission,
            UnsentBudget unsent,
            LongSupplier nanoClock,
            Consumer<OpenCall> whenEnded) {
        this.call = call;
        this.teachers = teachers;
        this.admission = admission;
        this.metrics = teachers.metrics();
        UnsentBudget.Share share = unsent.open(() -> {});
        this.sender = new PacedSender<>(call, metrics, share, nanoClock, () -> {
            opened().ifPresent(one -> one.session().close());
            whenEnded.accept(this);
        });
        call.disableAutoRequest();
        call.setOnReadyHandler(sender::pump);
        call.setOnCancelHandler(sender::callEnded);
        call.setOnCloseHandler(sender::callEnded);
        call.request(1);
    }

    @Override
    public void onNext(DecodeRequest request) {
        if (refused) {
            return; // what was on its way when the call was refused
        }
        Optional<Opened> known = opened();
        switch (request.getMessageCase()) {
            case OPEN -> {
                if (known.isPresent()) {
                    violate("message: a second open (expected: start or step)");
                } else {
                    open(request.getOpen());
                }
            }
            case START -> known.ifPresentOrElse(one -> start(one, request.getStart()), this::violateOrder);
            case STEP -> known.ifPresentOrElse(one -> step(one, request.getStep()), this::violateOrder);
            case MESSAGE_NOT_SET -> violate("message: none (expected: open, start or step)");
        }
        readOn();
    }

    private void open(OpenDecode open) {
        AdmissionResult<ServedTeacher> found = teachers.find(open.getTeacher(), caller);
        if (found instanceof AdmissionResult.Refused<ServedTeacher> none) {
            fail(none.failure());
        } else if (found instanceof AdmissionResult.Accepted<ServedTeacher> accepted) {
            ServedTeacher teacher = accepted.value();
            teacher.decoding()
                    .ifPresentOrElse(scheduler -> open(open, teacher, scheduler), () -> fail(notDecoding(teacher)));
        }
    }

    private static Failure notDecoding(ServedTeacher teacher) {
        return new Failure(
                Failure.Reason.NO_DECODING,
                "teacher " + teacher.description().name()
                        + " does not decode (expected: one of a model directory, served with --kv-cache-mib above 0)");
    }

    private void open(OpenDecode open, ServedTeacher teacher, DecodeScheduler scheduler) {
        AdmissionResult<DecodeTerms> result = admission.open(open, teacher.description());
        if (result instanceof AdmissionResult.Refused<DecodeTerms> none) {
            fail(none.failure());
        } else if (result instanceof AdmissionResult.Accepted<DecodeTerms> accepted) {
            DecodeTerms terms = accepted.value();
            LOG.debug(
                    "student {} decodes with {} by {}",
                    PrintableText.ofClient(open.getStudent()),
                    terms.teacher().name(),
                    terms.proposal());
            send(DecodeResponse.newBuilder()
                    .setOpened(DecodeOpened.newBuilder().setTeacher(teachers.describe(teacher)))
                    .build());
            Opened one = new Opened(terms, scheduler.open(terms, this), teacher);
            boolean drainNow;
            synchronized (lock) {
                opened = Optional.of(one);
                drainNow = draining;
            }
            if (sender.isOver()) {
                one.session().close(); // it ended before anybody knew of it
            } else if (drainNow) {
                drain(one);
            }
        }
    }

    private void start(Opened one, StartSequences start) {
        if (start.getSequencesCount() == 0) {
            violate("start.sequences: none (expected: at least one)");
            return;
        }
        List<DecodeStart> starts = new ArrayList<>();
        for (DecodeSequence sequence : start.getSequencesList()) {
            AdmissionResult<DecodeStart> result = admission.start(sequence, one.terms());
            if (result instanceof AdmissionResult.Accepted<DecodeStart> accepted) {
                starts.add(accepted.value());
            } else if (result instanceof AdmissionResult.Refused<DecodeStart> none) {
                one.session().refuse(sequence.getSequence(), none.failure());
            }
        }
        one.session().start(starts).ifPresent(this::fail);
    }

    private void step(Opened one, StepSequences step) {
        AdmissionResult<List<DecodeStep>> result = admission.step(step, one.terms());
        if (result instanceof AdmissionResult.Accepted<List<DecodeStep>> accepted) {
            int[] ended =
                    step.getEndedList().stream().mapToInt(Integer::intValue).toArray();
            one.session().step(accepted.value(), ended).ifPresent(this::fail);
        } else if (result instanceof AdmissionResult.Refused<List<DecodeStep>> none) {
            fail(none.failure());
        }
    }

    private void violateOrder() {
        violate("message: start or step (expected: open first)");
    }

    private void violate(String line) {
        fail(new Failure(Failure.Reason.PROTOCOL_VIOLATION, line));
    }

    private void fail(Failure failure) {
        refused = true;
        cut(failure);
    }

    /** Asks for the next request, unless much waits for the reader. */
    private void readOn() {
        synchronized (lock) {
            if (refused) {
                return;
            }
            readingPaused = isFull();
            if (readingPaused) {
                return;
            }
        }
        call.request(1);
    }

    @Override
    public void decoded(DecodedColumns columns) {
        DecodedTokens.Builder message = DecodedTokens.newBuilder();
        boolean anyTaken = false;
        boolean oneOfEach = true;
        for (int i = 0; i < columns.sequences().length; i++) {
            anyTaken |= columns.takenCounts()[i] != 0;
            oneOfEach &= columns.drawnCounts()[i] == 1;
        }
        for (int i = 0; i < columns.sequences().length; i++) {
            message.addSequences(columns.sequences()[i]);
            if (anyTaken) {
                message.addTakenCounts(columns.takenCounts()[i]);
            }
            if (!oneOfEach) {
                message.addDrawnCounts(columns.drawnCounts()[i]);
            }
        }
        for (int id : columns.drawnIds()) {
            message.addDrawnTokenIds(id);
        }
        for (float logProbability : columns.logProbabilities()) {
            message.addLogProbabilities(logProbability);
        }
        for (float logProbability : columns.proposalLogProbabilities()) {
            message.addProposalLogProbabilities(logProbability);
        }
        for (int sequence : columns.ended()) {
            message.addEnded(sequence);
        }
        send(DecodeResponse.newBuilder().setDecoded(message).build());
    }

    @Override
    public void failed(int sequence, Failure failure) {
        metrics.refused(failure);
        send(DecodeResponse.newBuilder()
                .setFailed(DecodeFailed.newBuilder().setSequence(sequence).setStatus(Statuses.toStatus(failure)))
                .build());
    }

    @Override
    public void over(Failure failure) {
        if (failure.reason() == Failure.Reason.READER_STALLED) {
            cut(failure);
            return;
        }
        metrics.refused(failure);
        sender.endAfterQueue(observer -> observer.onError(Statuses.toException(failure)));
    }

    @Override
    public boolean isFull() {
        return waitingBytes.get() >= FULL_BYTES;
    }

    private void send(DecodeResponse message) {
        long bytes = message.getSerializedSize();
        waitingBytes.addAndGet(bytes);
        sender.share().give(-bytes); // given back as it leaves
        sender.offer(Outgoing.message(message, bytes, () -> left(bytes)));
    }

    private void left(long bytes) {
        if (waitingBytes.addAndGet(-bytes) >= FULL_BYTES) {
            return;
        }
        boolean resume;
        synchronized (lock) {
            resume = readingPaused;
            readingPaused = false;
        }
        opened().ifPresent(one -> one.session().readerTakesMore());
        if (resume) {
            call.request(1);
        }
    }

    @Override
    public void onCompleted() {
        Optional<Opened> known = opened();
        if (known.isPresent()) {
            known.get().session().finish(() -> sender.endAfterQueue(ServerCallStreamObserver::onCompleted));
        } else if (!refused) {
            violate("message: none (expected: open first)");
        }
    }

    @Override
    public void onError(Throwable t) {
        sender.callEnded();
    }

    @Override
    public void tellProgress() {
        opened().filter(one -> one.session().owes())
                .ifPresent(one -> sender.tell(DecodeResponse.newBuilder()
                        .setProgress(DecodeProgress.newBuilder()
                                .setDevicePositions(
                                        one.teacher().devicePositions().getAsLong()))
                        .build()));
    }

    /** Does nothing: the session ends by itself where its reader takes nothing. */
    @Override
    public void endWhereStalled() {}

    @Override
    public void drain() {
        Optional<Opened> known;
        synchronized (lock) {
            draining = true;
            known = opened;
        }
        if (known.isPresent()) {
            drain(known.get());
        } else {
            sender.endAfterQueue(observer -> observer.onError(Statuses.toException(Admission.drainingFailure())));
        }
    }

    private void drain(Opened one) {
        one.session()
                .finish(() -> sender.endAfterQueue(
                        observer -> observer.onError(Statuses.toException(Admission.drainingFailure()))));
    }

    @Override
    public void cut(Failure failure) {
        metrics.refused(failure);
        sender.endNow(failure);
    }

    /** Nothing: it scores nothing. */
    @Override
    public Optional<StreamStatus> status() {
        return Optional.empty();
    }

    @Override
    public Caller caller() {
        return caller;
    }

    @Override
    public void renew(Caller known) {
        caller = known;
        opened().flatMap(one -> teachers.refusal(one.teacher(), known)).ifPresent(this::cut);
    }

    private Optional<Opened> opened() {
        synchronized (lock) {
            return opened;
        }
    }
}
