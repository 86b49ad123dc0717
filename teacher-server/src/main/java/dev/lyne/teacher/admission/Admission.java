package dev.lyne.teacher.admission;

import dev.lyne.row.ScoreItem;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.Failure.Reason;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.score.Deadline;
import dev.lyne.teacher.score.PositionWeight;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.tenant.PriorityClass;
import dev.lyne.teacher.tenant.Tenant;
import dev.lyne.teacher.tenant.TenantShares;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Priority;
import dev.lyne.v1.Sequence;
import dev.lyne.wire.Digests;
import dev.lyne.wire.Positions;
import dev.lyne.wire.RowFormat;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The door: turns messages into checked values or into refusals, and bounds the work admitted and unanswered over all
 * streams. Safe for several threads.
 */
public final class Admission {
    private static final int MAX_STUDENT_NAME = 128;

    private final ServerLimits limits;
    private final Quotas quotas;
    private final TenantShares admittedTokens;
    private final AtomicLong streams = new AtomicLong();
    private volatile boolean draining;

    public Admission(ServerLimits limits, MeterRegistry registry) {
        this(limits, registry, new ServedMetrics(registry), System::nanoTime);
    }

    /** @param metrics counts what goes beyond a quota */
    public Admission(ServerLimits limits, MeterRegistry registry, ServedMetrics metrics) {
        this(limits, registry, metrics, System::nanoTime);
    }

    Admission(ServerLimits limits, MeterRegistry registry, ServedMetrics metrics, LongSupplier nanoClock) {
        this.limits = limits;
        this.quotas = new Quotas(nanoClock, metrics);
        this.admittedTokens = new TenantShares(limits.maxQueuedTokens());
        Gauge.builder("lyne.teacher.admitted.tokens", admittedTokens, TenantShares::all)
                .description("Tokens admitted and not yet answered, over all streams")
                .register(registry);
    }

    /** Bounds of what is let in. */
    public ServerLimits limits() {
        return limits;
    }

    /** Whether everything is refused. */
    boolean isDraining() {
        return draining;
    }

    /** Refuses everything from now on. */
    public void drain() {
        draining = true;
    }

    /** Checks a stream's opening against the teacher and its caller's rights, and grants it credit. */
    public AdmissionResult<StreamTerms> open(OpenStream open, TeacherDescription teacher, Caller caller) {
        if (draining) {
            return AdmissionResult.refuse(Reason.DRAINING, drainingLine());
        }
        return flow(open.getPriorityValue(), caller).flatMap(flow -> open(open, teacher, flow));
    }

    /** Returns the flow by which a new stream shares the device, where its caller may ask for its class. */
    AdmissionResult<Flow> flow(int asked, Caller caller) {
        Optional<PriorityClass> priority = priority(Priority.forNumber(asked), caller);
        if (priority.isEmpty()) {
            return AdmissionResult.refuse(
                    Reason.INVALID_REQUEST,
                    "priority: " + asked + " (expected: one of the contract's: interactive, training, capture)");
        }
        Optional<Failure> notPermitted = refusal(priority.get(), caller);
        return notPermitted.isPresent()
                ? new AdmissionResult.Refused<>(notPermitted.get())
                : new AdmissionResult.Accepted<>(new Flow(caller.tenant(), priority.get(), streams.incrementAndGet()));
    }

    /** Opens more for what was let in and is not through, with its turn: a drain waits for it. */
    public AdmissionResult<StreamTerms> openMore(OpenStream open, TeacherDescription teacher, Flow flow) {
        return open(open, teacher, flow);
    }

    private AdmissionResult<StreamTerms> open(OpenStream open, TeacherDescription teacher, Flow flow) {
        try {
            Expectations.check(
                    teacher,
                    open.getExpectedDigests(),
                    open.getExpectedVocabularySize(),
                    open.hasExpectedExecutionFingerprint()
                            ? Optional.of(open.getExpectedExecutionFingerprint())
                            : Optional.empty());
            checkStudent(open.getStudent());
            RowFormat format = FormatRules.check(open, teacher, limits);
            long fittingTokens = limits.maxUnsentBytes() / format.creditRowBytes(teacher.vocabularySize());
            boolean chosenAlone = format.selection().keepsChosen() && !open.getShareChosen();
            return new AdmissionResult.Accepted<>(new StreamTerms(
                    teacher,
                    format,
                    flow,
                    chosenAlone,
                    PositionWeight.ONE,
                    open.getVouchedOnly(),
                    limits.maxInFlightSequences(),
                    Math.max(1, Math.min(limits.maxInFlightTokens(), fittingTokens))));
        } catch (Expectations.MismatchException e) {
            return AdmissionResult.refuse(Reason.TEACHER_MISMATCH, e.line());
        } catch (IllegalArgumentException e) {
            return AdmissionResult.refuse(Reason.INVALID_REQUEST, line(e));
        }
    }

    /** Why a caller may not use a class, where it may not. */
    public static Optional<Failure> refusal(PriorityClass priority, Caller caller) {
        return priority.within(caller.best())
                ? Optional.empty()
                : Optional.of(new Failure(
                        Reason.PERMISSION_DENIED,
                        "priority: " + priority.label() + ", which the credential of " + caller
                                + " does not open (expected: at most "
                                + caller.best().label() + ")"));
    }

    private static Optional<PriorityClass> priority(@Nullable Priority asked, Caller caller) {
        if (asked == null) {
            return Optional.empty();
        }
        return switch (asked) {
            case PRIORITY_UNSPECIFIED -> Optional.of(caller.usual());
            case PRIORITY_INTERACTIVE -> Optional.of(PriorityClass.INTERACTIVE);
            case PRIORITY_TRAINING -> Optional.of(PriorityClass.TRAINING);
            case PRIORITY_CAPTURE -> Optional.of(PriorityClass.CAPTURE);
            case UNRECOGNIZED -> Optional.empty();
        };
    }

    /** Checks a sequence and reserves its tokens, which the caller {@linkplain #release releases} once it is answered. */
    public AdmissionResult<ScoreTask> admit(Sequence sequence, StreamTerms terms, long receivedNanos) {
        return admitTogether(List.of(sequence), terms, receivedNanos).map(tasks -> tasks.get(0));
    }

    /**
     * Lets in a sequence that what was let in needs to end: neither a drain nor a quota refuses it, since what was computed already would be
     * for nothing. Its tokens count like all others.
     */
    public AdmissionResult<ScoreTask> admitMore(Sequence sequence, StreamTerms terms, long receivedNanos) {
        Tenant tenant = terms.flow().tenant();
        return checked(sequence, terms, receivedNanos).flatMap(task -> {
            if (!admittedTokens.take(tenant.name(), task.tokens())) {
                return full(task.tokens());
            }
            quotas.count(tenant, terms.quotaPositions(task));
            return new AdmissionResult.Accepted<>(task);
        });
    }

    /**
     * Checks the sequences of one request and reserves the tokens of all of them, or of none. What they take together is taken at once: what
     * was refused so is let in later, whatever it is.
     */
    public AdmissionResult<List<ScoreTask>> admitTogether(
            List<Sequence> sequences, StreamTerms terms, long receivedNanos) {
        if (draining) {
            return AdmissionResult.refuse(Reason.DRAINING, drainingLine());
        }
        List<ScoreTask> tasks = new ArrayList<>();
        for (Sequence sequence : sequences) {
            AdmissionResult<ScoreTask> task = checked(sequence, terms, receivedNanos);
            if (task instanceof AdmissionResult.Refused<ScoreTask> refused) {
                return new AdmissionResult.Refused<>(refused.failure());
            }
            tasks.add(((AdmissionResult.Accepted<ScoreTask>) task).value());
        }
        return reserve(tasks, terms);
    }

    private AdmissionResult<List<ScoreTask>> reserve(List<ScoreTask> tasks, StreamTerms terms) {
        Tenant tenant = terms.flow().tenant();
        long tokens = tasks.stream().mapToLong(ScoreTask::tokens).sum();
        if (tasks.size() > 1 && tokens > limits.maxQueuedTokens()) {
            return AdmissionResult.refuse(
                    Reason.INVALID_REQUEST,
                    "tokens of the request's sequences: " + tokens + " (expected: at most " + limits.maxQueuedTokens()
                            + "; ask in several requests)");
        }
        if (!admittedTokens.take(tenant.name(), tokens)) {
            return full(tokens);
        }
        List<ScoreTask> paying = tasks.stream()
                .map(task -> task.paidWith(terms.quotaPositions(task)))
                .toList();
        AdmissionResult<Long> taken = quotas.take(
                tenant, paying.stream().mapToLong(ScoreTask::quotaPositions).sum());
        if (taken instanceof AdmissionResult.Refused<Long>) {
            admittedTokens.give(tenant.name(), tokens);
        }
        return taken.map(paid -> paid == 0 ? tasks : paying);
    }

    private <T> AdmissionResult<T> full(long tokens) {
        return AdmissionResult.refuse(
                Reason.QUEUE_FULL,
                "tokens admitted: " + admittedTokens.all() + " and " + tokens + " more (expected: at most "
                        + limits.maxQueuedTokens() + ")");
    }

    private AdmissionResult<ScoreTask> checked(Sequence sequence, StreamTerms terms, long receivedNanos) {
        int[] tokens = new int[sequence.getTokenIdsCount()];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = sequence.getTokenIds(i);
        }
        int checksum = Digests.tokenChecksum(tokens);
        if (checksum != sequence.getTokenIdsCrc32C()) {
            return AdmissionResult.refuse(
                    Reason.CHECKSUM_MISMATCH,
                    "token_ids_crc32c: " + hex(sequence.getTokenIdsCrc32C()) + " (expected: " + hex(checksum)
                            + ", that of the token_ids received)");
        }
        ScoreTask task;
        try {
            checkTokens(tokens, terms.teacher());
            int[] positions = Positions.from(sequence.getPositionsList(), tokens.length);
            long timeoutMillis = Integer.toUnsignedLong(sequence.getTimeoutMillis());
            Deadline deadline = timeoutMillis == 0
                    ? Deadline.NONE
                    : Deadline.at(receivedNanos + TimeUnit.MILLISECONDS.toNanos(timeoutMillis));
            int[][] chosen = ChosenIds.of(sequence, positions, terms.format().selection(), terms.teacher());
            task = new ScoreTask(
                    new ScoreItem(tokens, positions, chosen),
                    terms.format(),
                    deadline,
                    terms.flow(),
                    sequence.getBypassCache() || terms.bypassCache(),
                    0);
        } catch (IllegalArgumentException e) {
            return AdmissionResult.refuse(Reason.INVALID_REQUEST, line(e));
        }
        return tooLarge(task, terms)
                .<AdmissionResult<ScoreTask>>map(AdmissionResult.Refused::new)
                .orElseGet(() -> new AdmissionResult.Accepted<>(task));
    }

    /** Takes positions of a tenant's quota, or says why not. */
    AdmissionResult<Long> takeQuota(Tenant tenant, long positions) {
        return quotas.take(tenant, positions);
    }

    /** Counts positions that a tenant is given whatever its quota says. */
    void countQuota(Tenant tenant, long positions) {
        quotas.count(tenant, positions);
    }

    /** Puts back what was taken and not computed after all. */
    void giveBackQuota(Tenant tenant, long taken) {
        quotas.giveBack(tenant, taken);
    }

    /** Tells that a task's rows were not computed for it: they cost its tenant's quota nothing. */
    public void wasSpared(ScoreTask task) {
        quotas.giveBack(task.flow().tenant(), task.quotaPositions());
    }

    /** Refuses a sequence alone whose rows are too much for one forward, or for the room that rows have. */
    private Optional<Failure> tooLarge(ScoreTask task, StreamTerms terms) {
        int positions = task.item().positions().length;
        long entries = terms.format().entries(positions, terms.teacher().vocabularySize());
        if (entries > limits.maxSequenceEntries()) {
            return Optional.of(new Failure(
                    Reason.INVALID_REQUEST,
                    "entries of the rows: " + entries + " at " + positions + " positions (expected: at most "
                            + limits.maxSequenceEntries() + "; ask for fewer positions or entries)"));
        }
        long mostBytes = limits.maxServerUnsentBytes() / 2;
        if (terms.mostBytes(task) > mostBytes) {
            return Optional.of(new Failure(
                    Reason.INVALID_REQUEST,
                    "bytes of the rows: " + terms.mostBytes(task) + " at " + positions
                            + " positions (expected: at most " + mostBytes
                            + ", half of --unsent-mib; ask for fewer positions or entries)"));
        }
        return Optional.empty();
    }

    /** Gives an answered or withdrawn task's tokens back. */
    public void release(ScoreTask task) {
        admittedTokens.give(task.flow().tenant().name(), task.tokens());
    }

    /** The refusal of everything while the server drains. */
    public static Failure drainingFailure() {
        return new Failure(Reason.DRAINING, drainingLine());
    }

    static void checkStudent(String student) {
        if (student.length() > MAX_STUDENT_NAME) {
            throw new IllegalArgumentException(
                    "student: " + student.length() + " characters (expected: at most " + MAX_STUDENT_NAME + ")");
        }
    }

    static void checkTokens(int[] tokens, TeacherDescription teacher) {
        if (tokens.length < 1 || tokens.length > teacher.contextLength()) {
            throw new IllegalArgumentException("token_ids: " + tokens.length + " tokens (expected: 1..context_length="
                    + teacher.contextLength() + ")");
        }
        for (int i = 0; i < tokens.length; i++) {
            if (tokens[i] < 0 || tokens[i] >= teacher.vocabularySize()) {
                throw new IllegalArgumentException("token_ids[" + i + "]: " + Integer.toUnsignedString(tokens[i])
                        + " (expected: below vocabulary_size=" + teacher.vocabularySize() + ")");
            }
        }
    }

    private static String drainingLine() {
        return "the server is draining (expected: another server, or this one later)";
    }

    static String hex(int value) {
        return "0x" + HexFormat.of().toHexDigits(value);
    }

    private static String line(IllegalArgumentException e) {
        return String.valueOf(e.getMessage());
    }
}
