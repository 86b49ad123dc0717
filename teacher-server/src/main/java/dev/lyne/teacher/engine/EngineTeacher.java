package dev.lyne.teacher.engine;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.Proposal;
import dev.lyne.row.RowContent;
import dev.lyne.row.Selection;
import dev.lyne.teacher.engine.EngineException.Kind;
import dev.lyne.teacher.model.ContinueJob;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.ModelDirectory;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.QueueLine;
import dev.lyne.teacher.model.RemoteDecoder;
import dev.lyne.teacher.model.ScoreJob;
import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.model.TokenizerFile;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.v1.SelectionKind;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.LoggerFactory;

/**
 * An inference engine at one or more addresses as one teacher. The engine batches; here hundreds of sequences are in flight, each over a
 * connection that a probe has passed on, at the address that is expected to answer it first; what has no place waits for its turn in the {@linkplain
 * EngineQueue queue}. A sequence whose connection breaks is asked
 * for again; what the engine refuses, or answers strangely, fails it with the engine's own words.
 *
 * <p>The queue is guarded by {@code lock}. No job is called with it held, so a job may submit and withdraw from under locks of its own.
 */
public final class EngineTeacher implements Teacher, RemoteDecoder {
    private static final int MAX_ATTEMPTS = 3;
    private static final long TICK_MILLIS = 250;
    private static final long LEAST_RETRY_MILLIS = 100;
    private static final int ARITHMETIC_VERSION = 1;

    /** Absolute error of a tail, which is what float32 log-probabilities leave of 1: see docs/engines.md. */
    private static final double TAIL_ERROR = 1e-6;

    private static final Set<SelectionKind> KINDS = Set.of(
            SelectionKind.SELECTION_KIND_TOP_K,
            SelectionKind.SELECTION_KIND_TOP_P_K,
            SelectionKind.SELECTION_KIND_TOP_FRACTION,
            SelectionKind.SELECTION_KIND_LABEL_ONLY);

    private final EngineSettings settings;
    private final TeacherDescription description;
    private final List<TokenizerFile> tokenizer;
    private final int maxK;
    private final boolean whole;
    private final boolean texts;
    private final List<EngineAddress> addresses;
    private final EngineMetrics metrics;
    private final EventLoopGroup loops;
    private final ScheduledExecutorService timer;
    private final ExecutorService completions;
    private final LongSupplier nanoClock;
    private final AtomicLong positions = new AtomicLong();
    private final CompletableFuture<Optional<Throwable>> ended = new CompletableFuture<>();
    private final PacedLog strange = new PacedLog(LoggerFactory.getLogger(EngineTeacher.class));

    private final Object lock = new Object();

    @GuardedBy("lock")
    private final EngineQueue queue = new EngineQueue();

    @GuardedBy("lock")
    private final Map<EngineJob<?>, PendingRequest<?>> pending = new HashMap<>();

    @GuardedBy("lock")
    private boolean closed;

    /** Time at which an address last answered, or could be asked. */
    @GuardedBy("lock")
    private long lastServingNanos;

    /** Time at which one could be asked after none could: before, nobody waited for his turn. */
    @GuardedBy("lock")
    private long servingSinceNanos;

    @GuardedBy("lock")
    private boolean wasServing;

    @GuardedBy("lock")
    private long maxQueueNanos = Long.MAX_VALUE;

    private EngineTeacher(
            EngineSettings settings, ModelDirectory directory, EventLoopGroup loops, int completionThreads)
            throws IOException, InterruptedException {
        this.settings = settings;
        this.loops = loops;
        this.nanoClock = System::nanoTime;
        this.tokenizer = directory.tokenizer();
        this.metrics = new EngineMetrics(
                settings.name(),
                settings.addresses().stream()
                        .map(address -> address.getHostString() + ":" + address.getPort())
                        .toList());
        Dialect dialect = Dialect.of(settings.wire());
        this.texts = dialect.texts().isPresent();
        EngineAddress.Shared shared = new EngineAddress.Shared(
                dialect,
                new EngineAddress.Transport(
                        loops,
                        EngineAccess.open(settings.access()),
                        settings.wire().isGrpc()),
                settings,
                metrics,
                nanoClock,
                this::dispatch);
        this.addresses = settings.addresses().stream()
                .map(address -> new EngineAddress(address, shared))
                .toList();
        EngineStart.Found found = new EngineStart(settings, directory, addresses).find();
        this.maxK = found.expected().maxK();
        this.whole = found.whole();
        this.description = describe(settings, directory, found);
        this.timer = Executors.newSingleThreadScheduledExecutor(new DefaultThreadFactory("lyne-engine-timer", true));
        AtomicInteger number = new AtomicInteger();
        this.completions = Executors.newFixedThreadPool(completionThreads, runnable -> {
            Thread thread = new Thread(runnable, "lyne-encode-" + settings.name() + "-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        synchronized (lock) {
            lastServingNanos = nanoClock.getAsLong();
        }
        addresses.forEach(address -> address.expect(found.expected()));
        var unused = timer.scheduleWithFixedDelay(this::tick, 0, TICK_MILLIS, TimeUnit.MILLISECONDS);
    }

    /**
     * Waits for an engine to answer, and finds out what it is.
     *
     * @param completionThreads threads that encode and deliver rows
     * @throws IOException where none answers in time, or it cannot be a teacher
     */
    public static EngineTeacher open(EngineSettings settings, int completionThreads)
            throws IOException, InterruptedException {
        ModelDirectory directory = ModelDirectory.read(settings.tokenizer());
        EventLoopGroup loops = new MultiThreadIoEventLoopGroup(
                2, new DefaultThreadFactory("lyne-engine", true), NioIoHandler.newFactory());
        try {
            return new EngineTeacher(settings, directory, loops, completionThreads);
        } catch (IOException | InterruptedException | RuntimeException e) {
            var unused = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
            throw e;
        }
    }

    private static TeacherDescription describe(
            EngineSettings settings, ModelDirectory directory, EngineStart.Found found) {
        return new TeacherDescription(
                settings.name(),
                found.identity().digest(),
                directory.tokenizerDigest(),
                directory.vocabularySize(),
                found.contextLength(),
                new ExecutionFingerprint(
                        "none",
                        found.identity().engine(),
                        settings.arithmetic().kernels(),
                        ARITHMETIC_VERSION,
                        1,
                        settings.arithmetic().precision()),
                directory.architecture(),
                0,
                settings.arithmetic().batchInvariant(),
                TAIL_ERROR,
                Optional.of(directory.conventions()));
    }

    @Override
    public TeacherDescription description() {
        return description;
    }

    @Override
    public List<TokenizerFile> tokenizer() {
        return tokenizer;
    }

    @Override
    public Set<SelectionKind> selectionKinds() {
        return whole ? Selection.kinds() : KINDS;
    }

    @Override
    public int maxK() {
        return maxK;
    }

    /** Engines say the k best at temperature 1; what those do not tell needs the whole vocabulary. */
    @Override
    public Optional<String> refusal(RowContent content) {
        Selection selection = content.selection();
        String teacher = ", which is what teacher " + description.name()
                + ", an engine that does not name the whole vocabulary, computes)";
        Optional<String> kind = Teacher.super.refusal(content);
        if (kind.isPresent()) {
            return kind;
        }
        if (whole) {
            return Optional.empty();
        }
        if (content.rawLogits()) {
            return Optional.of("raw_logits: true (expected: log-probabilities" + teacher);
        }
        if (!selection.temperatures().isEmpty()) {
            return Optional.of("temperatures: " + selection.temperatures() + " (expected: none" + teacher);
        }
        if (selection instanceof Selection.TopPK rule) {
            return Optional.of("truncation_temperature: " + rule.truncationTemperature() + " (expected: 1" + teacher);
        }
        int k = selection.mostEntries(description.vocabularySize());
        if (k > maxK) {
            return Optional.of("k: " + k + " (expected: 1.." + maxK + ", the engine's --max-logprobs)");
        }
        return Optional.empty();
    }

    /** At once: an engine that does not answer is no teacher yet, and one that goes comes back. */
    @Override
    public CompletionStage<Void> warm() {
        return CompletableFuture.completedStage(null);
    }

    /** Whether an address is up. */
    @Override
    public boolean serving() {
        return addresses.stream().anyMatch(address -> address.state() == EngineAddress.State.UP);
    }

    @Override
    public void vouchSoon() {
        addresses.forEach(EngineAddress::vouchSoon);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        metrics.bindTo(registry, addresses, this::queued);
    }

    private int queued() {
        synchronized (lock) {
            return queue.size();
        }
    }

    @Override
    public boolean score(ScoreJob job) {
        return take(rows(job));
    }

    private RowsJob rows(ScoreJob job) {
        return new RowsJob(job, description.vocabularySize());
    }

    /** Returns the decoder where the dialect has it; texts wait with sequences for the same places. */
    @Override
    public Optional<RemoteDecoder> decoder() {
        return texts ? Optional.of(this) : Optional.empty();
    }

    /** The engine draws, by its own arithmetic: what it draws from is its distribution itself. */
    @Override
    public Optional<String> refusal(Proposal proposal) {
        String which = ", which is what teacher " + description.name() + ", an engine, draws with)";
        if (proposal.temperature() != 1) {
            return Optional.of("temperature: " + proposal.temperature() + " (expected: 1" + which);
        }
        return proposal.topP() == 1
                ? Optional.empty()
                : Optional.of("top_p: " + proposal.topP() + " (expected: 1" + which);
    }

    @Override
    public boolean decode(ContinueJob job) {
        return take(text(job));
    }

    private TextJob text(ContinueJob job) {
        return new TextJob(job, description.vocabularySize());
    }

    @Override
    public void limitQueue(Duration longest) {
        synchronized (lock) {
            maxQueueNanos = longest.toNanos();
        }
    }

    private boolean take(EngineJob<?> job) {
        Optional<Failure> refusal;
        synchronized (lock) {
            if (closed) {
                return false;
            }
            long now = nanoClock.getAsLong();
            refusal = refusal(job, now);
            if (refusal.isEmpty()) {
                queue.add(job, now);
            }
        }
        if (refusal.isPresent()) {
            Failure why = refusal.get();
            metrics.shed();
            completions.execute(() -> job.failed(why));
            return true;
        }
        // Not on the caller's thread, which may hold locks of its own.
        completions.execute(this::dispatch);
        return true;
    }

    /** Why a job is not to wait: it would do so for too long, and others have waited for half of that time. What is late already is told so in its turn. */
    @GuardedBy("lock")
    private Optional<Failure> refusal(EngineJob<?> job, long now) {
        double tokensPerSecond =
                addresses.stream().mapToDouble(EngineAddress::rate).sum();
        if (tokensPerSecond == 0 || !wasServing || !job.mayBeRefused()) {
            return Optional.empty();
        }
        long most = Math.min(maxQueueNanos, job.nanosLeft(now));
        double wait = queue.tokensBefore(job) / tokensPerSecond * 1e9;
        return wait <= most || most <= 0 || now - servingSinceNanos <= most / 2 || !queue.hasWaitedSince(now - most / 2)
                ? Optional.empty()
                : Optional.of(overloaded("would wait about", wait, wait - most));
    }

    @Override
    public Optional<Failure> refusalToJoin(ScoreJob job, Flow flow, long nanosLeft) {
        double tokensPerSecond =
                addresses.stream().mapToDouble(EngineAddress::rate).sum();
        if (tokensPerSecond == 0 || nanosLeft <= 0) {
            return Optional.empty();
        }
        double wait;
        synchronized (lock) {
            long now = nanoClock.getAsLong();
            if (!wasServing || now - servingSinceNanos <= nanosLeft / 2 || !queue.hasWaitedSince(now - nanosLeft / 2)) {
                return Optional.empty();
            }
            wait = queue.tokensBefore(rows(job), flow, nanosLeft / 1e9 * tokensPerSecond) / tokensPerSecond * 1e9;
        }
        if (wait <= nanosLeft) {
            return Optional.empty();
        }
        metrics.shed();
        return Optional.of(overloaded("would wait about", wait, wait - nanosLeft));
    }

    private Failure overloaded(String what, double nanos, double retryNanos) {
        double most = maxQueue();
        return new Failure(
                Failure.Reason.OVERLOADED,
                String.format(
                        Locale.ROOT,
                        "%s %.1f s for the engine (expected: at most %.1f, --max-queue-millis, and the time that the caller has)",
                        what,
                        nanos / 1e9,
                        most / 1e9),
                Math.max(LEAST_RETRY_MILLIS, (long) (Math.min(retryNanos, most) / 1e6)));
    }

    private double maxQueue() {
        synchronized (lock) {
            return maxQueueNanos;
        }
    }

    @Override
    public void withdraw(ScoreJob job) {
        withdraw(rows(job));
    }

    @Override
    public void withdraw(ContinueJob job) {
        withdraw(text(job));
    }

    private void withdraw(EngineJob<?> job) {
        PendingRequest<?> running;
        synchronized (lock) {
            queue.remove(job);
            running = pending.get(job);
        }
        if (running != null) {
            running.cancel();
        }
    }

    @Override
    public void flowsChanged(ScoreJob job) {
        synchronized (lock) {
            queue.flowsChanged(rows(job));
        }
    }

    /** Returns the lines of what waits for a place at an address, by class and tenant. */
    @Override
    public List<QueueLine> queueLines() {
        double tokensPerSecond =
                addresses.stream().mapToDouble(EngineAddress::rate).sum();
        synchronized (lock) {
            return queue.lines().stream()
                    .map(line -> new QueueLine(
                            line.priority(),
                            line.tenant(),
                            line.streams(),
                            line.sequences(),
                            tokensPerSecond == 0 ? 0 : line.cost() / tokensPerSecond))
                    .toList();
        }
    }

    @Override
    public long devicePositions() {
        return positions.get();
    }

    @Override
    public CompletionStage<Optional<Throwable>> ended() {
        return ended;
    }

    /** Sends what waits to addresses that have room. */
    private void dispatch() {
        while (true) {
            EngineQueue.Waiting next;
            EngineAddress address;
            synchronized (lock) {
                Optional<EngineQueue.Waiting> first = queue.next();
                if (first.isEmpty() || closed) {
                    return;
                }
                next = first.get();
                Optional<EngineAddress> free = choose(next);
                if (free.isEmpty()) {
                    return;
                }
                address = free.get();
                queue.take(next);
                address.reserve(next.tokens());
            }
            run(next, next.job(), address);
        }
    }

    /** The address that is expected to answer first; another than the one that failed before, where there is one. */
    @GuardedBy("lock")
    private Optional<EngineAddress> choose(EngineQueue.Waiting waiting) {
        double otherwise =
                addresses.stream().mapToDouble(EngineAddress::rate).max().orElse(0);
        EngineAddress best = null;
        double least = Double.POSITIVE_INFINITY;
        for (EngineAddress address : addresses) {
            Optional<Double> seconds = address.expectedSeconds(waiting.tokens(), otherwise == 0 ? 1 : otherwise);
            if (seconds.isEmpty()) {
                continue;
            }
            boolean failedBefore =
                    waiting.except().isPresent() && waiting.except().get() == address;
            double cost = failedBefore ? seconds.get() + 1e9 : seconds.get();
            if (cost < least) {
                least = cost;
                best = address;
            }
        }
        return Optional.ofNullable(best);
    }

    private <T> void run(EngineQueue.Waiting waiting, EngineJob<T> job, EngineAddress address) {
        if (!job.start(nanoClock.getAsLong())) { // again at each attempt: meanwhile it may have become late
            address.giveBack(waiting.tokens());
            return;
        }
        PendingRequest<T> running = address.ask(job.request());
        synchronized (lock) {
            pending.put(job, running);
        }
        var unused = running.answer.whenCompleteAsync(
                (arrived, failed) -> {
                    synchronized (lock) {
                        pending.remove(job, running);
                    }
                    if (failed == null) {
                        positions.addAndGet(job.positions(arrived.value()));
                        job.answered(arrived.value(), arrived.vouched());
                    } else {
                        failed(waiting, address, EngineAddress.why(failed));
                    }
                },
                completions);
    }

    private void failed(EngineQueue.Waiting waiting, EngineAddress address, EngineException why) {
        EngineJob<?> job = waiting.job();
        switch (why.kind()) {
            case WITHDRAWN -> job.failed(new Failure(Failure.Reason.WITHDRAWN, "nobody waits for it"));
            case REFUSED -> job.failed(new Failure(Failure.Reason.INVALID_REQUEST, why.line()));
            case STRANGE, NOT_FINITE -> {
                metrics.refusedAnswer();
                strange.warn("an answer of " + address.name() + " is refused: " + why.line());
                job.failed(new Failure(
                        why.kind() == Kind.STRANGE ? Failure.Reason.ENGINE_FAILED : Failure.Reason.NOT_FINITE,
                        why.line()));
            }
            case GONE, LEFT, STALE, LATE, BUSY, UNTRUSTED, FAULT, OTHER_WEIGHTS -> again(waiting, address, why);
        }
    }

    /** Asks again, elsewhere where there is another; what is the address's fault alone costs no attempt. */
    private void again(EngineQueue.Waiting waiting, EngineAddress address, EngineException why) {
        boolean free = why.kind() == Kind.OTHER_WEIGHTS || why.kind() == Kind.LEFT;
        int attempts = waiting.attempts() + (free ? 0 : 1);
        if (attempts >= MAX_ATTEMPTS) {
            metrics.refusedAnswer();
            waiting.job()
                    .failed(new Failure(
                            why.kind() == Kind.FAULT ? Failure.Reason.ENGINE_FAILED : Failure.Reason.ENGINE_UNAVAILABLE,
                            why.line() + " (after " + attempts + " attempts)"));
            return;
        }
        metrics.askedAgain();
        boolean gone;
        synchronized (lock) {
            gone = closed;
            if (!gone) {
                queue.addAgain(
                        new EngineQueue.Waiting(waiting.job(), waiting.arrivedNanos(), attempts, Optional.of(address)));
            }
        }
        if (gone) {
            waiting.job().failed(goingAway());
        } else {
            dispatch();
        }
    }

    private void tick() {
        try {
            addresses.forEach(EngineAddress::tick);
            endLate();
            expire();
            dispatch();
        } catch (Throwable e) {
            strange.error("the timer of an engine failed, and goes on", e);
        }
    }

    /** Ends what is asked for beyond the time of all who wait for it: the engine drops it with its connection. */
    private void endLate() {
        long now = nanoClock.getAsLong();
        Map<EngineJob<?>, PendingRequest<?>> late = new HashMap<>();
        synchronized (lock) {
            pending.forEach((job, running) -> {
                if (job.overdue(now)) {
                    late.put(job, running);
                }
            });
        }
        late.forEach((job, running) -> {
            if (job.endLate(now)) {
                running.cancel();
            }
        });
    }

    /** Ends what waits beyond its time, and everything where no address has answered for too long. */
    private void expire() {
        long now = nanoClock.getAsLong();
        boolean serving = serving();
        List<EngineQueue.Waiting> overdue = new ArrayList<>();
        List<EngineQueue.Waiting> left = List.of();
        List<EngineQueue.Waiting> stale = List.of();
        long most;
        synchronized (lock) {
            most = maxQueueNanos;
            lastServingNanos = serving ? now : lastServingNanos;
            servingSinceNanos = serving && !wasServing ? now : servingSinceNanos;
            wasServing = serving;
            if (serving && now - servingSinceNanos > most) {
                stale = queue.takeBefore(now - most);
            }
            if (now - lastServingNanos > settings.limits().absence().toNanos()) {
                left = queue.takeAll();
            } else {
                for (EngineQueue.Waiting waiting : queue.all()) {
                    if (waiting.job().overdue(now)) {
                        overdue.add(waiting);
                    }
                }
            }
        }
        for (EngineQueue.Waiting waiting : stale) {
            metrics.shed();
            completions.execute(() -> waiting.job().failed(overloaded("waited", most, 0)));
        }
        for (EngineQueue.Waiting waiting : overdue) {
            EngineJob<?> job = waiting.job();
            // One that is asked for again has started, and does not expire; to start it anew tells those who are late.
            if (waiting.except().isEmpty() ? job.expire(now) : !job.start(now)) {
                synchronized (lock) {
                    queue.remove(waiting.job());
                }
            }
        }
        Failure absent = new Failure(
                Failure.Reason.ENGINE_UNAVAILABLE,
                "no engine has answered for " + settings.limits().absence().toSeconds()
                        + " s (expected: one whose probe passes)");
        left.forEach(waiting -> completions.execute(() -> waiting.job().failed(absent)));
    }

    private Failure goingAway() {
        return new Failure(
                Failure.Reason.DRAINING,
                "teacher " + description.name() + " is going away (expected: another server, or this one later)");
    }

    @Override
    public boolean close(long waitNanos) throws InterruptedException {
        List<EngineQueue.Waiting> left;
        synchronized (lock) {
            closed = true;
            left = queue.takeAll();
        }
        left.forEach(waiting -> completions.execute(() -> waiting.job().failed(goingAway())));
        timer.shutdownNow();
        addresses.forEach(EngineAddress::close);
        var unused = loops.shutdownGracefully(0, Math.max(1, waitNanos / 2), TimeUnit.NANOSECONDS);
        boolean loopsOver = loops.awaitTermination(Math.max(1, waitNanos / 2), TimeUnit.NANOSECONDS);
        completions.shutdown();
        boolean over = completions.awaitTermination(Math.max(1, waitNanos / 2), TimeUnit.NANOSECONDS);
        ended.complete(Optional.empty());
        return loopsOver && over;
    }
}
