package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.admission.DecodeAdmission;
import dev.lyne.teacher.decode.DecodeListener;
import dev.lyne.teacher.decode.DecodeSession;
import dev.lyne.teacher.decode.DecodeSessions;
import dev.lyne.teacher.decode.DecodeStart;
import dev.lyne.teacher.decode.DecodeStep;
import dev.lyne.teacher.decode.DecodeTerms;
import dev.lyne.teacher.decode.DecodedColumns;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.trace.CallTrace;
import dev.lyne.teacher.trace.TextTraces;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * An opened session of Decode: hands requests to the teacher's session, and its answers to the sender. gRPC calls {@link #onRequest} and {@link
 * #halfClose} one at a time; the session, the sender and a drain call from other threads. Bytes that wait for the reader are bounded: above
 * {@link #FULL_BYTES} nothing is computed for it, and no request read.
 */
final class DecodeStream implements OpenedCall<DecodeRequest>, DecodeListener {
    private static final long FULL_BYTES = 1 << 18;

    private final TeacherCall<DecodeRequest, DecodeResponse> call;
    private final PacedSender<DecodeResponse> sender;
    private final Setup setup;
    private final Teachers teachers;
    private final DecodeAdmission admission;
    private final RpcMetrics metrics;
    private final ServedTeacher teacher;
    private volatile DecodeTerms terms;
    private final DecodeSession session;
    private final String student;
    private final long openedNanos;
    private final TextTraces traces;
    private final LongAdder texts = new LongAdder(); // that were let in
    private final LongAdder bytes = new LongAdder();
    private final LongAdder drawn = new LongAdder();
    private final LongAdder taken = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final AtomicLong waitingBytes = new AtomicLong();
    private volatile Optional<Failure> draining = Optional.empty();
    private final AtomicBoolean released = new AtomicBoolean();

    private final Object lock = new Object();

    @GuardedBy("lock")
    private boolean readingPaused;

    /** Parts of the server that every session is opened with. */
    private record Setup(Teachers teachers, DecodeAdmission admission, LongSupplier nanoClock) {}

    private DecodeStream(
            TeacherCall<DecodeRequest, DecodeResponse> call,
            Setup setup,
            ServedTeacher teacher,
            DecodeTerms terms,
            DecodeSessions sessions,
            String student) {
        this.call = call;
        this.sender = call.sender();
        this.setup = setup;
        this.teachers = setup.teachers();
        this.admission = setup.admission();
        this.metrics = teachers.metrics();
        this.teacher = teacher;
        this.terms = terms;
        this.student = student;
        this.openedNanos = setup.nanoClock().getAsLong();
        CallTrace trace = CallTrace.current();
        trace.opened(terms.teacher().name(), terms.flow().tenant().name(), student, terms.flow().stream());
        this.traces = trace.texts(terms.teacher().name(), terms.flow().tenant().name());
        DecodeResponse answer = DecodeResponse.newBuilder()
                .setOpened(DecodeOpened.newBuilder().setTeacher(teachers.describe(teacher)))
                .build();
        CallLines.SESSIONS.opened(
                terms.flow(),
                student,
                terms.teacher().name(),
                "temperature=" + terms.proposal().temperature() + " top_p="
                        + terms.proposal().topP());
        this.session = sessions.open(terms, this);
        send(answer);
    }

    /** Returns the opener of calls of Decode. */
    static TeacherCall.Opener<DecodeRequest, DecodeResponse> opener(
            Teachers teachers, DecodeAdmission admission, LongSupplier nanoClock) {
        Setup setup = new Setup(teachers, admission, nanoClock);
        return (first, call) -> {
            if (first.getMessageCase() != DecodeRequest.MessageCase.OPEN) {
                return AdmissionResult.refuse(
                        Failure.Reason.PROTOCOL_VIOLATION,
                        "message: " + first.getMessageCase() + " (expected: open first)");
            }
            OpenDecode open = first.getOpen();
            return teachers.find(open.getTeacher(), open.getExpectedDigests().getModelSha256(), call.caller())
                    .flatMap(teacher -> open(open, call, setup, teacher));
        };
    }

    private static AdmissionResult<OpenedCall<DecodeRequest>> open(
            OpenDecode open, TeacherCall<DecodeRequest, DecodeResponse> call, Setup setup, ServedTeacher teacher) {
        Optional<DecodeSessions> sessions = teacher.decoding();
        if (sessions.isEmpty()) {
            return AdmissionResult.refuse(
                    Failure.Reason.NO_DECODING,
                    "teacher " + teacher.description().name()
                            + " does not decode (expected: one of a model directory, or vLLM over HTTP, served with --kv-cache-mib above 0)");
        }
        return setup.admission()
                .open(open, teacher.description(), call.caller())
                .flatMap(terms -> sessions.get()
                        .refusal(terms.proposal())
                        .<AdmissionResult<DecodeTerms>>map(
                                line -> AdmissionResult.refuse(Failure.Reason.INVALID_REQUEST, line))
                        .orElseGet(() -> new AdmissionResult.Accepted<>(terms)))
                .map(terms -> {
                    String student = PrintableText.ofClient(open.getStudent());
                    return new DecodeStream(call, setup, teacher, terms, sessions.get(), student);
                });
    }

    @Override
    public void onRequest(DecodeRequest request) {
        switch (request.getMessageCase()) {
            case OPEN -> violate("message: a second open (expected: start or step)");
            case START -> start(request.getStart());
            case STEP -> step(request.getStep());
            case MESSAGE_NOT_SET -> violate("message: none (expected: start or step)");
        }
        readOn();
    }

    private void start(StartSequences start) {
        if (start.getSequencesCount() == 0) {
            violate("start.sequences: none (expected: at least one)");
            return;
        }
        List<DecodeStart> starts = new ArrayList<>();
        Set<Integer> numbers = new HashSet<>();
        Optional<Failure> goingAway = draining;
        for (DecodeSequence sequence : start.getSequencesList()) {
            if (!numbers.add(sequence.getSequence())) {
                violate("start.sequence: " + Integer.toUnsignedString(sequence.getSequence())
                        + " twice in one message (expected: a number that is free)");
                return;
            }
            AdmissionResult<DecodeStart> result = goingAway.isPresent()
                    ? new AdmissionResult.Refused<>(goingAway.get())
                    : admission.start(sequence, terms);
            if (result instanceof AdmissionResult.Accepted<DecodeStart> accepted) {
                starts.add(accepted.value());
                traces.started(sequence.getSequence(), sequence.getTokenIdsCount());
                texts.increment();
            } else if (result instanceof AdmissionResult.Refused<DecodeStart> none) {
                session.refuse(sequence.getSequence(), none.failure()).ifPresent(call::refuse);
            }
        }
        session.start(starts).ifPresent(call::refuse);
    }

    private void step(StepSequences step) {
        AdmissionResult<List<DecodeStep>> result = admission.step(step, terms);
        if (result instanceof AdmissionResult.Accepted<List<DecodeStep>> accepted) {
            admission.count(terms, step.getTakenTokenIdsCount());
            int[] ended =
                    step.getEndedList().stream().mapToInt(Integer::intValue).toArray();
            session.step(accepted.value(), ended).ifPresent(call::refuse);
        } else if (result instanceof AdmissionResult.Refused<List<DecodeStep>> none) {
            call.refuse(none.failure());
        }
    }

    private void violate(String line) {
        call.refuse(new Failure(Failure.Reason.PROTOCOL_VIOLATION, line));
    }

    /** Asks for the next request, unless much waits for the reader. */
    private void readOn() {
        synchronized (lock) {
            readingPaused = isFull();
            if (readingPaused) {
                return;
            }
        }
        call.readNext();
    }

    @Override
    public void decoded(DecodedColumns columns) {
        admission.count(terms, columns.drawnIds().length);
        drawn.add(columns.drawnIds().length);
        taken.add(Arrays.stream(columns.takenCounts()).sum());
        DecodedTokens.Builder message = DecodedTokens.newBuilder();
        boolean anyTaken = false;
        boolean oneOfEach = true;
        for (int i = 0; i < columns.sequences().length; i++) {
            traces.answered(columns.sequences()[i], columns.takenCounts()[i], columns.drawnCounts()[i]);
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
            traces.ended(sequence);
        }
        send(DecodeResponse.newBuilder().setDecoded(message).build());
    }

    @Override
    public void failed(int sequence, Failure failure, long spared) {
        admission.giveBack(terms, spared);
        metrics.refused(failure);
        failures.increment();
        traces.failed(sequence, failure.reason().name(), failure.message());
        send(DecodeResponse.newBuilder()
                .setFailed(DecodeFailed.newBuilder().setSequence(sequence).setStatus(Statuses.toStatus(failure)))
                .build());
    }

    @Override
    public void over(Failure failure) {
        if (failure.reason() == Failure.Reason.READER_STALLED) {
            call.cut(failure);
            return;
        }
        metrics.refused(failure);
        sender.endAfterQueue(failure);
    }

    @Override
    public boolean isFull() {
        return waitingBytes.get() >= FULL_BYTES;
    }

    private void send(DecodeResponse message) {
        long bytes = message.getSerializedSize();
        waitingBytes.addAndGet(bytes);
        this.bytes.add(bytes);
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
        session.readerTakesMore();
        if (resume) {
            call.readNext();
        }
    }

    @Override
    public void halfClose() {
        session.finish(() -> sender.endAfterQueue(ServerCallStreamObserver::onCompleted));
    }

    /** Does nothing: a session takes room without asking. */
    @Override
    public void roomTaken() {}

    @Override
    public void tellProgress() {
        if (session.owes()) {
            sender.tell(DecodeResponse.newBuilder()
                    .setProgress(DecodeProgress.newBuilder()
                            .setDevicePositions(teacher.devicePositions().getAsLong()))
                    .build());
        }
    }

    @Override
    public void drain(Failure why) {
        draining = Optional.of(why);
        session.finish(() -> sender.endAfterQueue(why));
    }

    @Override
    public ServedTeacher teacher() {
        return teacher;
    }

    @Override
    public Optional<Failure> leaving() {
        return teachers.leaving(teacher);
    }

    @Override
    public void release() {
        if (released.compareAndSet(false, true)) {
            CallLines.SESSIONS.ended(
                    terms.flow(),
                    student,
                    setup.nanoClock().getAsLong() - openedNanos,
                    sender.reason(),
                    "texts=" + texts.sum() + " drawn=" + drawn.sum() + " taken=" + taken.sum() + " bytes=" + bytes.sum()
                            + " failures=" + failures.sum() + " unended=" + session.texts());
        }
        session.close();
        traces.end();
    }

    @Override
    public Optional<SessionStatus> session() {
        DecodeTerms held = terms;
        return Optional.of(new SessionStatus(
                held.flow().stream(),
                held.flow().tenant().name(),
                student,
                held.teacher().name(),
                held.flow().priority().label(),
                sender.waits() ? "reader" : session.owes() ? "device" : "student",
                session.texts(),
                drawn.sum(),
                taken.sum(),
                failures.sum(),
                (setup.nanoClock().getAsLong() - openedNanos) / 1e9));
    }

    @Override
    public Optional<Failure> renew(Caller known) {
        DecodeTerms held = terms;
        Optional<Failure> refusal = Teachers.refusal(teacher, known);
        if (refusal.isPresent()) {
            return refusal;
        }
        if (!held.flow().tenant().equals(known.tenant())) {
            DecodeTerms renewed = held.of(known.tenant());
            terms = renewed;
            session.renew(renewed.flow());
        }
        return Admission.refusal(held.flow().priority(), known);
    }
}
