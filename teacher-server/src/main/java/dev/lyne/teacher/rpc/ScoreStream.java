package dev.lyne.teacher.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowSource;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.admission.ServedMetrics;
import dev.lyne.teacher.admission.StreamTerms;
import dev.lyne.teacher.model.Disowned;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.score.Callback;
import dev.lyne.teacher.score.CancellationHandle;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.trace.CallTrace;
import dev.lyne.teacher.trace.SequenceTrace;
import dev.lyne.v1.Credit;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Progress;
import dev.lyne.v1.ScoreSequencesRequest;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.SequenceFailed;
import dev.lyne.v1.StreamOpened;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An opened stream: its sequences in flight, from receipt until their last message leaves. They give their credit back
 * right before it does, since the student may spend it as soon as it reads that message.
 *
 * <p>gRPC calls {@link #onRequest} and {@link #halfClose} one at a time; waiters, the sender and a drain call from other threads.
 * Nothing foreign is called with {@code lock} held. The stream ends in its {@link PacedSender}, which calls {@link #release}.
 */
final class ScoreStream implements OpenedCall<ScoreSequencesRequest> {
    private static final Logger LOG = LoggerFactory.getLogger(ScoreStream.class);
    private static final PacedLog DEFECTS = new PacedLog(LOG);

    /** Refusals that may wait for their reader before the stream stops reading requests. */
    private static final int MAX_WAITING_REFUSALS = 64;

    private volatile StreamTerms terms;
    private final ServedTeacher teacher;
    private final Teachers teachers;
    private final Admission admission;
    private final RpcMetrics metrics;
    private final ServedMetrics.OfTeacher served;
    private final LongSupplier nanoClock;
    private final TeacherCall<ScoreSequencesRequest, ScoreSequencesResponse> call;
    private final PacedSender<ScoreSequencesResponse> sender;

    private final String student;
    private final CallTrace trace = CallTrace.current();
    private final long openedNanos;
    private final ServedMetrics.OfTenant tenant;
    private final LongAdder sequences = new LongAdder(); // answered with rows
    private final LongAdder positions = new LongAdder();
    private final LongAdder bytes = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final AtomicBoolean disowned = new AtomicBoolean();

    private final Object lock = new Object();

    /** Rows sent that the teacher does not vouch for yet, by what will tell. */
    @GuardedBy("lock")
    private final Map<CompletionStage<Void>, Long> unvouchedRows = new HashMap<>();

    @GuardedBy("lock")
    private final Map<Long, InFlight> inFlight = new HashMap<>();

    /** Sequence that waits for room, and for which the stream reads no more requests meanwhile. */
    @GuardedBy("lock")
    private Optional<InFlight> waiting = Optional.empty();

    @GuardedBy("lock")
    private int creditedSequences;

    @GuardedBy("lock")
    private long creditedTokens;

    @GuardedBy("lock")
    private boolean readingPaused;

    @GuardedBy("lock")
    private boolean halfClosed;

    @GuardedBy("lock")
    private Optional<Failure> draining = Optional.empty();

    @GuardedBy("lock")
    private boolean ended;

    @GuardedBy("lock")
    private boolean released;

    private ScoreStream(
            TeacherCall<ScoreSequencesRequest, ScoreSequencesResponse> call,
            Teachers teachers,
            Admission admission,
            LongSupplier nanoClock,
            ServedTeacher teacher,
            StreamTerms terms,
            String student) {
        this.call = call;
        this.sender = call.sender();
        this.teachers = teachers;
        this.admission = admission;
        this.nanoClock = nanoClock;
        this.teacher = teacher;
        this.terms = terms;
        this.student = student;
        this.served = teachers.served(teacher);
        this.metrics = teachers.metrics();
        this.openedNanos = nanoClock.getAsLong();
        this.tenant = metrics.served().tenant(terms.flow().tenant().name());
        trace.opened(terms.teacher().name(), terms.flow().tenant().name(), student, terms.flow().stream());
        CallLines.STREAMS.opened(terms.flow(), student, terms.teacher().name(), "rows=" + terms.format());
    }

    /** Returns the opener of calls of ScoreSequences. */
    static TeacherCall.Opener<ScoreSequencesRequest, ScoreSequencesResponse> opener(
            Teachers teachers, Admission admission, LongSupplier nanoClock) {
        return (first, call) -> {
            if (first.getMessageCase() != ScoreSequencesRequest.MessageCase.OPEN) {
                return AdmissionResult.refuse(
                        Failure.Reason.PROTOCOL_VIOLATION,
                        "message: " + first.getMessageCase() + " (expected: open first)");
            }
            OpenStream open = first.getOpen();
            return teachers.find(open.getTeacher(), open.getExpectedDigests().getModelSha256(), call.caller())
                    .flatMap(teacher -> terms(open, teacher, admission, call.caller())
                            .map(terms -> {
                                call.sender().offer(Outgoing.message(answer(teachers, teacher, terms), () -> {}));
                                String student = PrintableText.ofClient(open.getStudent());
                                return new ScoreStream(call, teachers, admission, nanoClock, teacher, terms, student);
                            }));
        };
    }

    private static AdmissionResult<StreamTerms> terms(
            OpenStream open, ServedTeacher teacher, Admission admission, Caller caller) {
        return admission
                .open(open, teacher.description(), caller)
                .flatMap(terms -> teacher.sequences()
                        .refusal(terms.format())
                        .<AdmissionResult<StreamTerms>>map(AdmissionResult.Refused::new)
                        .orElseGet(() -> new AdmissionResult.Accepted<>(
                                terms.weighedBy(teacher.sequences().positionWeight()))));
    }

    private static ScoreSequencesResponse answer(Teachers teachers, ServedTeacher teacher, StreamTerms terms) {
        return ScoreSequencesResponse.newBuilder()
                .setOpened(StreamOpened.newBuilder()
                        .setTeacher(teachers.describe(teacher))
                        .setVouchedOnly(terms.vouchedOnly())
                        .setCredit(Credit.newBuilder()
                                .setSequences(terms.creditSequences())
                                .setTokens(terms.creditTokens())))
                .build();
    }

    @Override
    public Optional<StreamStatus> status() {
        int asked;
        boolean room;
        synchronized (lock) {
            asked = inFlight.size();
            room = waiting.isPresent();
        }
        String waitsFor = room ? "room" : sender.waits() ? "reader" : asked > 0 ? "device" : "student";
        StreamTerms held = terms;
        return Optional.of(new StreamStatus(
                held.flow().stream(),
                held.flow().tenant().name(),
                student,
                held.teacher().name(),
                held.flow().priority().label(),
                waitsFor,
                asked,
                sequences.sum(),
                positions.sum(),
                bytes.sum(),
                failures.sum(),
                (nanoClock.getAsLong() - openedNanos) / 1e9));
    }

    private void sent(EncodedBlock block) {
        served.sent(block);
        tenant.sent(block);
        positions.add(block.rows());
        bytes.add(block.bytes().length);
    }

    /** A sequence in flight. */
    private final class InFlight implements Callback {
        private final long id;
        private final int creditTokens;
        private final boolean credited;
        private final SequenceTrace trace;

        /** Task that was admitted, whose tokens are to be released. */
        @GuardedBy("lock")
        private Optional<ScoreTask> admitted = Optional.empty();

        /** Room taken for its rows. */
        @GuardedBy("lock")
        private long roomBytes;

        /** Vouching that the sequence's rows are held back for. */
        @GuardedBy("lock")
        private Optional<CompletionStage<Void>> vouching = Optional.empty();

        @GuardedBy("lock")
        private CancellationHandle handle = CancellationHandle.ANSWERED;

        InFlight(Sequence sequence, boolean credited) {
            this.id = sequence.getId();
            this.credited = credited;
            this.creditTokens = credited ? sequence.getTokenIdsCount() : 0;
            this.trace = ScoreStream.this.trace.sequence(
                    sequence.getTraceparent(),
                    terms.teacher().name(),
                    terms.flow().tenant().name(),
                    id,
                    sequence.getTokenIdsCount());
        }

        @Override
        public SequenceTrace trace() {
            return trace;
        }

        @Override
        public void scored(EncodedSequence rows, RowSource source, boolean narrowed) {
            Optional<CompletionStage<Void>> held;
            synchronized (lock) {
                held = vouching;
            }
            if (held.isEmpty()) {
                answer(rows, source, narrowed);
                return;
            }
            var unused = held.get().whenComplete((nothing, untold) -> {
                if (untold == null) {
                    answer(rows, source, narrowed);
                } else {
                    failed(Callback.notVouchedFor(untold));
                }
            });
        }

        private void answer(EncodedSequence rows, RowSource source, boolean narrowed) {
            sequences.increment();
            trace.answered(source.toString(), narrowed, rows.bytes());
            settle(rows.bytes(), !source.equals(RowSource.COMPUTED));
            sender.offer(new OutgoingRows(id, rows, source, narrowed, ScoreStream.this::sent, () -> leaving(this)));
        }

        @Override
        public boolean waitsForVouching() {
            return terms.vouchedOnly();
        }

        @Override
        public void unvouched(int rows, CompletionStage<Void> vouched) {
            if (terms.vouchedOnly()) {
                synchronized (lock) {
                    vouching = Optional.of(vouched);
                }
                return;
            }
            boolean firstOfStage;
            synchronized (lock) {
                firstOfStage = !unvouchedRows.containsKey(vouched);
                unvouchedRows.merge(vouched, (long) rows, Long::sum);
            }
            if (firstOfStage) {
                var unused = vouched.whenComplete((nothing, failed) -> told(vouched, failed));
            }
        }

        @Override
        public void failed(Failure failure) {
            settle(0, true);
            trace.failed(failure.reason().name(), failure.message());
            metrics.refused(failure);
            tenant.refusals().increment();
            failures.increment();
            SequenceFailed answer = SequenceFailed.newBuilder()
                    .setId(id)
                    .setStatus(Statuses.toStatus(failure))
                    .build();
            sender.offer(Outgoing.message(
                    ScoreSequencesResponse.newBuilder().setFailed(answer).build(), () -> leaving(this)));
        }

        /** Marks it as waiting for room, which another thread may say there is right away. */
        void await(ScoreTask task, long bytes) {
            synchronized (lock) {
                admitted = Optional.of(task);
                roomBytes = bytes;
                waiting = Optional.of(this);
            }
        }

        void score() {
            Optional<ScoreTask> task;
            synchronized (lock) {
                task = admitted;
            }
            try {
                task.ifPresent(present -> scoring(teacher.sequences().score(present, this)));
            } catch (Throwable e) {
                DEFECTS.error("a sequence could not be scored", e);
                failed(Failure.of(Failure.Reason.SERVER_FAULT, "the sequence could not be scored", e));
            }
        }

        private void scoring(CancellationHandle cancellation) {
            boolean abandoned;
            synchronized (lock) {
                handle = cancellation;
                abandoned = ended;
            }
            if (abandoned) {
                boolean unusedWithdrawn = cancellation.withdraw();
                settle(0, false); // the stream may have ended before it was admitted, with nothing to give back yet
            }
        }

        CancellationHandle handle() {
            synchronized (lock) {
                return handle;
            }
        }

        /** Lets go of it unanswered. */
        void abandon() {
            boolean unusedWithdrawn = handle().withdraw();
            trace.end();
            settle(0, false); // its computation may go on, for others: who left first has paid for it
        }

        /** Gives back what it was admitted with, its quota where the device was spared, but for the bytes of its rows, which the sender gives back as they leave. */
        private void settle(long rowBytes, boolean spared) {
            Optional<ScoreTask> task;
            long bytes;
            synchronized (lock) {
                task = admitted;
                bytes = roomBytes;
                admitted = Optional.empty();
            }
            if (task.isPresent()) {
                admission.release(task.get());
                if (spared) {
                    admission.wasSpared(task.get());
                }
                sender.share().give(bytes - rowBytes);
            }
        }
    }

    @Override
    public void onRequest(ScoreSequencesRequest request) {
        switch (request.getMessageCase()) {
            case SEQUENCE -> sequence(request.getSequence());
            case CANCEL -> cancel(request.getCancel().getId());
            case OPEN -> violate("message: a second open (expected: sequence or cancel)");
            case MESSAGE_NOT_SET -> violate("message: none (expected: sequence or cancel)");
        }
        readOn();
    }

    private void sequence(Sequence sequence) {
        InFlight entry;
        Optional<Failure> refusal;
        synchronized (lock) {
            if (ended) {
                return;
            }
            Optional<Failure> noCredit =
                    terms.checkCredit(creditedSequences, creditedTokens, sequence.getTokenIdsCount());
            entry = new InFlight(sequence, noCredit.isEmpty());
            refusal = noCredit.isPresent() ? noCredit : draining;
            if (inFlight.containsKey(entry.id)) {
                entry = null;
            } else {
                inFlight.put(entry.id, entry);
                creditedSequences += entry.credited ? 1 : 0;
                creditedTokens += entry.creditTokens;
                metrics.sequencesInFlight.incrementAndGet();
            }
        }
        if (entry == null) {
            violate("sequence.id: " + Long.toUnsignedString(sequence.getId()) + " (expected: an id not in flight)");
        } else if (refusal.isPresent()) {
            entry.failed(refusal.get());
        } else {
            admit(sequence, entry);
        }
    }

    private void admit(Sequence sequence, InFlight entry) {
        AdmissionResult<ScoreTask> result = admission.admit(sequence, terms, nanoClock.getAsLong());
        if (result instanceof AdmissionResult.Accepted<ScoreTask> accepted) {
            long bytes = terms.mostBytes(accepted.value());
            entry.await(accepted.value(), bytes);
            if (sender.share().take(bytes)) {
                roomTaken();
            }
        } else if (result instanceof AdmissionResult.Refused<ScoreTask> refused) {
            entry.failed(refused.failure());
        }
    }

    @Override
    public void roomTaken() {
        Optional<InFlight> next;
        boolean readOn;
        synchronized (lock) {
            next = waiting;
            waiting = Optional.empty();
            readOn = readingPaused;
            readingPaused = false;
        }
        next.ifPresent(InFlight::score);
        if (readOn) {
            readOn();
        }
    }

    private void cancel(long id) {
        Optional<InFlight> entry;
        synchronized (lock) {
            entry = Optional.ofNullable(inFlight.get(id));
        }
        if (entry.isPresent() && entry.get().handle().withdraw()) {
            entry.get().settle(0, false); // its computation may go on, for others: who left first has paid for it
            entry.get().failed(new Failure(Failure.Reason.WITHDRAWN, "the student withdrew the sequence"));
        }
    }

    /** Settles rows that were sent once it is known whose they are: another model's end the stream, and the student is told how many may be. */
    private void told(CompletionStage<Void> vouched, @Nullable Throwable failed) {
        boolean others = failed != null && Callback.isDisowning(failed);
        long rows = 0;
        synchronized (lock) {
            for (CompletionStage<Void> stage :
                    failed != null && others ? Disowned.with(vouched, failed) : Set.of(vouched)) {
                Long sent = unvouchedRows.remove(stage);
                rows += sent == null ? 0 : sent;
            }
        }
        if (failed == null || !others || !disowned.compareAndSet(false, true)) {
            return;
        }
        call.cut(new Failure(
                Failure.Reason.TEACHER_CHANGED,
                failed.getMessage() + "; rows of this stream since the last passed probe: " + rows
                        + " (expected: none of them be learnt from)"));
    }

    private void violate(String line) {
        call.refuse(new Failure(Failure.Reason.PROTOCOL_VIOLATION, line));
    }

    /** Asks for the next request, unless one waits for room, or refusals pile up before a reader that does not read. */
    private void readOn() {
        synchronized (lock) {
            if (ended || halfClosed) {
                return;
            }
            if (waiting.isPresent() || inFlight.size() - creditedSequences >= MAX_WAITING_REFUSALS) {
                readingPaused = true;
                return;
            }
        }
        call.readNext();
    }

    @Override
    public void halfClose() {
        synchronized (lock) {
            halfClosed = true;
        }
        endWhereDone();
    }

    /**
     * Answers what was accepted and tells the student that there is no credit for more, so that it asks others at once.
     */
    @Override
    public void drain(Failure why) {
        boolean owes;
        synchronized (lock) {
            draining = Optional.of(why);
            owes = !ended && !inFlight.isEmpty();
        }
        if (owes) {
            sender.offer(Outgoing.message(
                    ScoreSequencesResponse.newBuilder()
                            .setCredit(Credit.getDefaultInstance())
                            .build(),
                    () -> {}));
        }
        endWhereDone();
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
    public Optional<Failure> renew(Caller caller) {
        StreamTerms held = terms;
        Optional<Failure> refusal = Teachers.refusal(teacher, caller);
        if (refusal.isPresent()) {
            return refusal;
        }
        if (!held.flow().tenant().equals(caller.tenant())) {
            terms = held.of(caller.tenant());
        }
        return Admission.refusal(held.flow().priority(), caller);
    }

    @Override
    public void tellProgress() {
        synchronized (lock) {
            if (ended || inFlight.isEmpty()) {
                return;
            }
        }
        sender.tell(ScoreSequencesResponse.newBuilder()
                .setProgress(Progress.newBuilder()
                        .setDevicePositions(teacher.devicePositions().getAsLong()))
                .build());
    }

    @Override
    public void release() {
        List<InFlight> left;
        String reason = sender.reason();
        synchronized (lock) {
            if (!released) {
                released = true;
                CallLines.STREAMS.ended(
                        terms.flow(),
                        student,
                        nanoClock.getAsLong() - openedNanos,
                        reason,
                        "sequences=" + sequences.sum() + " positions=" + positions.sum() + " bytes=" + bytes.sum()
                                + " failures=" + failures.sum() + " unanswered=" + inFlight.size());
            }
            ended = true;
            waiting = Optional.empty();
            left = List.copyOf(inFlight.values());
            inFlight.clear();
            metrics.sequencesInFlight.addAndGet(-left.size());
        }
        left.forEach(InFlight::abandon);
    }

    private void leaving(InFlight entry) {
        boolean resume;
        synchronized (lock) {
            if (!inFlight.remove(entry.id, entry)) {
                return;
            }
            entry.trace.end();
            metrics.sequencesInFlight.decrementAndGet();
            creditedSequences -= entry.credited ? 1 : 0;
            creditedTokens -= entry.creditTokens;
            resume = readingPaused && waiting.isEmpty() && inFlight.size() - creditedSequences < MAX_WAITING_REFUSALS;
            if (resume) {
                readingPaused = false;
            }
        }
        if (resume) {
            call.readNext();
        }
        endWhereDone();
    }

    private void endWhereDone() {
        Optional<Failure> why;
        synchronized (lock) {
            if (ended || !inFlight.isEmpty() || (!halfClosed && draining.isEmpty())) {
                return;
            }
            why = halfClosed ? Optional.empty() : draining;
            ended = true;
        }
        if (why.isPresent()) {
            sender.endAfterQueue(why.get());
        } else {
            sender.endAfterQueue(ServerCallStreamObserver::onCompleted);
        }
    }
}
