package dev.lyne.teacher.batch;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.DeviceMemory;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.model.QueueLine;
import dev.lyne.teacher.model.ScoreJob;
import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.model.TokenizerFile;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.wire.Digests;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A local model as a teacher: a queue, and for each of its devices the thread that runs its batches and nothing else.
 *
 * <p>All devices take their batches from the one queue, so that turns are those of one device, up to what the others have taken (start-time
 * fair queueing over several servers: Jin, Chase and Kaur, SIGMETRICS 2004). Where several have nothing to do, each takes its part of what
 * waits and leaves the rest to the others. The first device's thread does the work beside. A device that ends by a defect ends the teacher.
 *
 * <p>Rows leave a device thread at once for the completion threads, which encode and deliver them while the next batch
 * runs. The hand-over is bounded, in completions and in entries: where the completion threads fall behind, the device thread
 * takes its share, which slows it down instead of letting rows pile up.
 *
 * <p>A forward that throws fails its batch. Whatever else is thrown on the device thread ends it, which {@link #ended} tells.
 *
 * <p>The queue is guarded by {@code lock}. No job is called with the lock held, so a job may submit and withdraw from under
 * locks of its own.
 */
public final class Batcher implements Teacher, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Batcher.class);
    private static final int MAX_PENDING_COMPLETIONS = 256;

    private static final long NOT_WORKING = Long.MIN_VALUE;

    /** Time between two looks whether a device that had no memory for anything has some again. */
    private static final long BETWEEN_TRIALS_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long LEAST_RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    /** Tokens of a forward while other work waits and no forward has been timed. */
    private static final int UNMEASURED_TOKENS = 256;

    private final LocalModel model;
    private final BatchOptions options;
    private final LongSupplier nanoClock;
    private final BatchMetrics metrics;
    private final ThreadPoolExecutor completions;
    private final List<Device> devices;
    private final AtomicInteger devicesCold;
    private final AtomicInteger devicesAlive;
    private final CompletableFuture<Void> warm = new CompletableFuture<>();
    private final CompletableFuture<Optional<Throwable>> ended = new CompletableFuture<>();
    private final AtomicLong devicePositions = new AtomicLong();
    private final AtomicLong pendingEntries = new AtomicLong();
    private final PacedLog memory = new PacedLog(LOG);
    private final PacedLog defects = new PacedLog(LOG);

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition arrival = lock.newCondition();

    @GuardedBy("lock")
    private final ForwardCosts costs = new ForwardCosts();

    /** Told with the lock held. */
    private final PositionWeights weights;

    @GuardedBy("lock")
    private final BatchQueue queue;

    @GuardedBy("lock")
    private boolean closed;

    /** Devices that look for something to do. */
    @GuardedBy("lock")
    private int idle;

    /** A batcher whose device has nothing else to do. */
    public Batcher(
            LocalModel model,
            BatchOptions options,
            int completionThreads,
            LongSupplier nanoClock,
            BatchMetrics metrics) {
        this(model, options, completionThreads, nanoClock, metrics, DeviceWork.NONE);
    }

    /**
     * Starts the device threads, each of which warms its model up first and closes it last.
     *
     * @param completionThreads threads that encode and deliver rows
     * @param beside what the first device does between batches; while it waits, batches are cut to what takes no longer than it allows
     */
    public Batcher(
            LocalModel model,
            BatchOptions options,
            int completionThreads,
            LongSupplier nanoClock,
            BatchMetrics metrics,
            DeviceWork beside) {
        this.model = model;
        this.options = options;
        this.nanoClock = nanoClock;
        this.metrics = metrics;
        this.queue = new BatchQueue(options, costs);
        this.weights = new PositionWeights(model.description().vocabularySize());
        String name = model.description().name();
        this.completions = new ThreadPoolExecutor(
                completionThreads,
                completionThreads,
                0,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(MAX_PENDING_COMPLETIONS),
                runnable -> daemon(runnable, "lyne-encode-" + name),
                new ThreadPoolExecutor.AbortPolicy());
        this.devices = devices(beside);
        this.devicesCold = new AtomicInteger(devices.size());
        this.devicesAlive = new AtomicInteger(devices.size());
        metrics.bindQueue(this::queuedTokens, this::queuedSequences);
        metrics.bindWeights(weights::ofSelection);
        beside.onArrival(this::wake);
        devices.forEach(Device::start);
    }

    /** Returns a device for each of the model's, by distinct names. */
    private List<Device> devices(DeviceWork beside) {
        List<Device> all = new ArrayList<>();
        Map<String, Integer> seen = new HashMap<>();
        for (LocalModel copy : model.devices()) {
            int number = seen.merge(copy.device(), 1, Integer::sum);
            String name = number == 1 ? copy.device() : copy.device() + "/" + number;
            all.add(new Device(name, copy, all.isEmpty() ? beside : DeviceWork.NONE));
        }
        return List.copyOf(all);
    }

    /** The devices, each with its thread. */
    public List<Device> devices() {
        return devices;
    }

    @Override
    public TeacherDescription description() {
        return model.description();
    }

    @Override
    public List<TokenizerFile> tokenizer() {
        return model.tokenizer();
    }

    /** Completes when the teacher is warm; fails with what the warm-up threw. */
    @Override
    public CompletableFuture<Void> warm() {
        return warm.copy();
    }

    /**
     * Queues a job, or refuses it where the device would not come to it in time: once others have waited for half of that time, since a burst
     * makes forwards larger, and cheaper than those before it. What is late already is told so in its turn. Never blocks.
     *
     * @return false where the batcher is closed and takes none
     */
    @Override
    public boolean score(ScoreJob job) {
        long wait;
        long most;
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            long now = nanoClock.getAsLong();
            wait = queue.expectedWaitNanos(job) / devices.size();
            most = Math.min(options.maxQueue().toNanos(), job.nanosLeft(now));
            if (wait <= most || most <= 0 || !queue.hasWaited(most / 2, now)) {
                queue.add(job, now);
                arrival.signal();
                return true;
            }
        } finally {
            lock.unlock();
        }
        metrics.shed();
        complete(job, () -> job.failed(overloaded("would wait about", wait, wait - most)));
        return true;
    }

    @Override
    public Optional<Failure> refusalToJoin(ScoreJob job, Flow flow, long nanosLeft) {
        long wait;
        lock.lock();
        try {
            long now = nanoClock.getAsLong();
            if (nanosLeft <= 0 || !queue.hasWaited(nanosLeft / 2, now)) {
                return Optional.empty();
            }
            wait = queue.expectedWaitNanos(job, flow, nanosLeft * devices.size()) / devices.size();
        } finally {
            lock.unlock();
        }
        if (wait <= nanosLeft) {
            return Optional.empty();
        }
        metrics.shed();
        return Optional.of(overloaded("would wait about", wait, wait - nanosLeft));
    }

    private Failure overloaded(String what, long nanos, long retryNanos) {
        long retryMillis = TimeUnit.NANOSECONDS.toMillis(Math.max(
                LEAST_RETRY_NANOS, Math.min(retryNanos, options.maxQueue().toNanos())));
        return new Failure(
                Failure.Reason.OVERLOADED,
                String.format(
                        Locale.ROOT,
                        "%s %.1f s for the device (expected: at most %.1f, --max-queue-millis, and the time that the caller has)",
                        what,
                        nanos / 1e9,
                        options.maxQueue().toNanos() / 1e9),
                retryMillis);
    }

    @Override
    public double positionWeight(int tokens, RowContent content) {
        return weights.of(tokens, content);
    }

    /** Returns the lines of what waits for the device, by class and tenant. */
    @Override
    public List<QueueLine> queueLines() {
        lock.lock();
        try {
            return queue.lines().stream()
                    .map(line -> new QueueLine(
                            line.priority(), line.tenant(), line.streams(), line.sequences(), line.cost() / 1e9))
                    .toList();
        } finally {
            lock.unlock();
        }
    }

    /** Takes a job out of the queue that nobody waits for any more; one that has started runs to its end. */
    @Override
    public void withdraw(ScoreJob job) {
        lock.lock();
        try {
            queue.remove(job);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void flowsChanged(ScoreJob job) {
        lock.lock();
        try {
            queue.flowsChanged(job, nanoClock.getAsLong());
        } finally {
            lock.unlock();
        }
    }

    /** Returns the options by which sequences become batches. */
    public BatchOptions options() {
        return options;
    }

    /** Positions that the device has worked through, whatever came of them. It moves while the device does. */
    @Override
    public long devicePositions() {
        return devicePositions.get();
    }

    /** Tokens that wait for the device. */
    public long queuedTokens() {
        lock.lock();
        try {
            return queue.tokens();
        } finally {
            lock.unlock();
        }
    }

    /** Sequences that wait for the device. */
    public int queuedSequences() {
        lock.lock();
        try {
            return queue.size();
        } finally {
            lock.unlock();
        }
    }

    /** Completes when the device thread ends: with what ended it, or with nothing after {@link #close}. */
    @Override
    public CompletableFuture<Optional<Throwable>> ended() {
        return ended.copy();
    }

    /** Fails what waits, lets the running batch end, closes the model. */
    @Override
    public void close() throws InterruptedException {
        boolean unusedInTime = close(Long.MAX_VALUE);
    }

    /**
     * Fails what waits, and closes the teacher after the running batch.
     *
     * @param waitNanos how long the running batch and its completions are waited for
     * @return false where they were not over by then, and go on
     */
    @Override
    public boolean close(long waitNanos) throws InterruptedException {
        long start = System.nanoTime();
        lock.lock();
        try {
            closed = true;
            arrival.signalAll();
        } finally {
            lock.unlock();
        }
        for (Device device : devices) {
            TimeUnit.NANOSECONDS.timedJoin(device.thread, Math.max(1, waitNanos - (System.nanoTime() - start)));
        }
        completions.shutdown();
        long left = Math.max(1, waitNanos - (System.nanoTime() - start));
        return completions.awaitTermination(left, TimeUnit.NANOSECONDS)
                && devices.stream().noneMatch(device -> device.thread.isAlive());
    }

    /** Whether each device computes: one whose forwards all fail, as after a fault of a GPU that stays, fails whatever it takes. */
    @Override
    public boolean serving() {
        return devices.stream().noneMatch(device -> device.failedForwards.areAll());
    }

    /** There is other work. */
    private void wake() {
        lock.lock();
        try {
            arrival.signalAll(); // it is the first device's
        } finally {
            lock.unlock();
        }
    }

    private void charge(DeviceWork.Stretch done, long nanos) {
        lock.lock();
        try {
            queue.charge(done.shares(), nanos);
        } finally {
            lock.unlock();
        }
    }

    /** Takes nothing more; returns what waited. No device goes on without the others. */
    private List<ScoreJob> shut() {
        lock.lock();
        try {
            closed = true;
            arrival.signalAll();
            return queue.takeAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends the wait of what has waited for too long, or past its deadline. A device looks before each batch; whoever keeps the time calls this,
     * too, since a device may be at a batch for long.
     */
    public void expireOverdue() {
        long now = nanoClock.getAsLong();
        List<ScoreJob> overdue;
        List<ScoreJob> stale;
        lock.lock();
        try {
            stale = queue.takeStale(now);
            overdue = queue.overdue(now);
        } finally {
            lock.unlock();
        }
        for (ScoreJob job : stale) {
            metrics.shed();
            long most = options.maxQueue().toNanos();
            complete(job, () -> job.failed(overloaded("waited", most, LEAST_RETRY_NANOS)));
        }
        for (ScoreJob job : overdue) {
            if (job.expire(now)) {
                withdraw(job);
            }
        }
    }

    private void measure(List<ScoreItem> items, Deque<ScoreJob> jobs, long nanos) {
        ScoreJob first = jobs.element();
        long entries = jobs.stream().mapToLong(ScoreJob::entries).sum();
        boolean full = entries > options.maxEntries() - first.entries();
        lock.lock();
        try {
            costs.add(items, first.content(), first.entries(), nanos);
            weights.add(items, first.content(), full, nanos);
        } finally {
            lock.unlock();
        }
    }

    private void deliver(ScoreJob job, ScoreOutcome outcome) {
        if (outcome instanceof ScoreOutcome.Scored scored) {
            job.scored(scored);
        } else if (outcome instanceof ScoreOutcome.NotFinite notFinite) {
            job.failed(new Failure(
                    Failure.Reason.NOT_FINITE,
                    "logits at position " + notFinite.position() + " are not finite (expected: finite)"));
        }
    }

    /**
     * Hands a completion over, or runs it here where more rows than are fair wait for the completion threads. It may throw whatever it
     * likes; its job is failed then, which does nothing where it was told already.
     */
    private void complete(ScoreJob job, Runnable completion) {
        long entries = job.entries();
        Runnable guarded = () -> {
            try {
                completion.run();
            } catch (Throwable e) {
                defects.error("a completion failed", e);
                failQuietly(job, e);
            } finally {
                pendingEntries.addAndGet(-entries);
            }
        };
        if (pendingEntries.addAndGet(entries) > options.maxEntries()) {
            guarded.run();
            return;
        }
        try {
            completions.execute(guarded);
        } catch (RejectedExecutionException e) {
            guarded.run(); // the queue is full, or the server closes
        }
    }

    private void failQuietly(ScoreJob job, Throwable cause) {
        try {
            job.failed(Failure.of(Failure.Reason.SERVER_FAULT, "the rows could not be delivered", cause));
        } catch (Throwable e) {
            defects.error("a job could not be failed", e);
        }
    }

    private Failure goingAway() {
        return new Failure(
                Failure.Reason.DRAINING, "teacher " + model.description().name() + " is shutting down");
    }

    /** A device of the model, and the thread that owns it. */
    public final class Device {
        private final String name;
        private final LocalModel model;
        private final DeviceWork beside;
        private final DeviceMetrics counts;
        private final Thread thread;
        private final AtomicLong workingSinceNanos = new AtomicLong(NOT_WORKING);
        private final FailedForwards failedForwards = new FailedForwards();

        /** Tokens and entries of sequences; owned by the thread. */
        private final FittedSizes fitted = new FittedSizes();

        /** Whether other work comes before the next batch; owned by the thread. */
        private boolean besideNext;

        /** What is tried again while nothing has memory, although it had; owned by the thread. */
        private Optional<Trial> trial = Optional.empty();

        private long lastTrialNanos;

        /** Whether the trial comes next; owned by the thread. */
        private boolean trialNext;

        /** A sequence whose rows nobody waits for. */
        private record Trial(ScoreItem item, RowContent content) {}

        private Device(String name, LocalModel model, DeviceWork beside) {
            this.name = name;
            this.model = model;
            this.beside = beside;
            this.counts = metrics.device(name);
            this.thread = daemon(
                    this::run,
                    "lyne-device-" + model.description().name()
                            + (Batcher.this.model.devices().size() == 1 ? "" : "-" + name));
        }

        private void start() {
            thread.start();
        }

        /** Returns the device's name, for people and in metrics; distinct among the devices of a teacher. */
        public String name() {
            return name;
        }

        /** How long the thread has been at what it does now; 0 while it waits. */
        public long workingNanos() {
            long since = workingSinceNanos.get();
            return since == NOT_WORKING ? 0 : Math.max(1, nanoClock.getAsLong() - since);
        }

        /** Returns the thread's stack, for people. */
        public String stack() {
            return Arrays.stream(thread.getStackTrace())
                    .map(frame -> "\n    at " + frame)
                    .collect(Collectors.joining("", thread.getName() + " (" + thread.getState() + ")", ""));
        }

        private void run() {
            Optional<Throwable> defect = Optional.empty();
            try {
                workingSinceNanos.set(nanoClock.getAsLong());
                model.warmUp();
                workingSinceNanos.set(NOT_WORKING);
                if (devicesCold.decrementAndGet() == 0) {
                    warm.complete(null);
                }
                for (Optional<List<BatchQueue.Waiting>> turn = take(); turn.isPresent(); turn = take()) {
                    List<BatchQueue.Waiting> batch = turn.get();
                    long startNanos = nanoClock.getAsLong();
                    workingSinceNanos.set(startNanos);
                    if (trialNext) {
                        trialNext = false;
                        tryAgain();
                    } else if (batch.isEmpty()) {
                        runBeside(startNanos);
                    } else {
                        runBatch(batch);
                    }
                    workingSinceNanos.set(NOT_WORKING);
                    counts.worked(nanoClock.getAsLong() - startNanos);
                    besideNext = !batch.isEmpty();
                }
            } catch (Throwable e) {
                LOG.error(
                        "the device thread of teacher {} ends ({})",
                        model.description().name(),
                        name,
                        e);
                defect = Optional.of(e);
            } finally {
                end(defect);
            }
        }

        private void runBeside(long startNanos) {
            DeviceWork.Stretch done = beside.run();
            moved(done.positions());
            charge(done, nanoClock.getAsLong() - startNanos);
            for (DeviceWork.Forward forward : done.forwards()) {
                if (forward.withoutMemory() > 0) {
                    int[] tokens = new int[forward.withoutMemory()];
                    withoutMemory(
                            forward.of(),
                            new Trial(new ScoreItem(tokens, new int[] {tokens.length - 1}), RowContent.topK(1)));
                } else if (forward.threw()) {
                    threw(forward.of());
                } else {
                    computed();
                }
            }
        }

        /** The model threw at a forward. */
        private void threw(Set<Long> of) {
            if (failedForwards.failed(of)) {
                LOG.error(
                        "teacher {} fails everything on {}: {} forwards of different sequences in a row (expected: none); not serving",
                        model.description().name(),
                        name,
                        FailedForwards.MOST);
            }
        }

        /** One sequence or text had no memory, alone, although as much fitted before. */
        private void withoutMemory(Set<Long> of, Trial again) {
            if (failedForwards.failed(of)) {
                LOG.error(
                        "teacher {} has no memory on {} for what fitted before: {} forwards of different sequences in a row, each alone"
                                + " (expected: none); not serving",
                        model.description().name(),
                        name,
                        FailedForwards.MOST);
                trial = Optional.of(again);
                lastTrialNanos = nanoClock.getAsLong();
            }
        }

        /** Whether the trial is due: nobody asks a server that does not serve, so that it has to find out by itself. */
        private boolean trialIsDue() {
            return trial.isPresent() && nanoClock.getAsLong() - lastTrialNanos >= BETWEEN_TRIALS_NANOS;
        }

        private void tryAgain() {
            lastTrialNanos = nanoClock.getAsLong();
            Trial again = trial.orElseThrow();
            try {
                var unused = model.score(List.of(again.item()), again.content());
            } catch (Throwable e) {
                memory.warn("teacher " + model.description().name() + ": still nothing computes on " + name + ": "
                        + PrintableText.ofClient(String.valueOf(e.getMessage())));
                return;
            }
            computed();
        }

        /** A forward gave what it was to give. */
        private void computed() {
            trial = Optional.empty();
            if (failedForwards.succeeded()) {
                LOG.warn(
                        "teacher {} computes on {} again; serving",
                        model.description().name(),
                        name);
            }
        }

        private static long identity(ScoreItem item) {
            return Digests.tokenChecksum(item.tokens());
        }

        private void moved(long positions) {
            devicePositions.addAndGet(positions);
            counts.moved(positions);
        }

        private void end(Optional<Throwable> defect) {
            defect.ifPresent(warm::completeExceptionally);
            if (defect.isPresent()) {
                ended.complete(defect); // before anyone is told: who comes now is to find another server
            }
            shut().forEach(job -> complete(job, () -> job.failed(goingAway())));
            try {
                beside.end();
            } finally {
                try {
                    model.close();
                } finally {
                    if (devicesAlive.decrementAndGet() == 0) {
                        ended.complete(Optional.empty());
                    }
                }
            }
        }

        /** Waits for something to do, batches and other work in turn: a batch, an empty one for a stretch of other work, or nothing once closed. */
        private Optional<List<BatchQueue.Waiting>> take() {
            while (true) {
                expireOverdue();
                lock.lock();
                try {
                    if (closed) {
                        return Optional.empty();
                    }
                    idle++;
                    try {
                        Optional<List<BatchQueue.Waiting>> next = look();
                        if (next.isPresent()) {
                            return next;
                        }
                    } finally {
                        idle--;
                    }
                } catch (InterruptedException e) {
                    throw new IllegalStateException("the device thread was interrupted", e);
                } finally {
                    lock.unlock();
                }
            }
        }

        /** Returns the next batch, an empty one for a stretch of other work; or nothing, after a wait for something. */
        @GuardedBy("lock")
        private Optional<List<BatchQueue.Waiting>> look() throws InterruptedException {
            if (trialIsDue()) {
                trialNext = true;
                return leaving(List.of());
            }
            boolean others = beside.waits();
            if (others && besideNext) {
                return leaving(List.of());
            }
            int most = Math.min(part(), others ? tokensBeside() : options.maxTokens());
            BatchQueue.Decision decision = queue.next(nanoClock.getAsLong(), most);
            if (decision instanceof BatchQueue.Decision.Run run) {
                return leaving(run.batch());
            } else if (others) {
                return leaving(List.of());
            } else if (decision instanceof BatchQueue.Decision.Wait wait) {
                long unusedLeft = arrival.awaitNanos(wait.nanos());
            } else if (trial.isPresent()) {
                long unusedLeft = arrival.awaitNanos(BETWEEN_TRIALS_NANOS);
            } else {
                arrival.await();
            }
            return Optional.empty();
        }

        /** Goes to work; what is left in the queue is for another device that has nothing to do. */
        @GuardedBy("lock")
        private Optional<List<BatchQueue.Waiting>> leaving(List<BatchQueue.Waiting> batch) {
            if (idle > 1 && queue.size() > 0) {
                arrival.signal();
            }
            return Optional.of(batch);
        }

        /** Tokens of a batch that takes no longer than other work may be made to wait. */
        @GuardedBy("lock")
        private int tokensBeside() {
            double nanos = beside.longestForward().toNanos();
            double fitting = costs.measured() ? nanos / costs.nanosPerToken() : UNMEASURED_TOKENS;
            return (int) Math.max(1, Math.min(fitting, options.maxTokens()));
        }

        /** Runs a batch. Each of its jobs is told, started or not, whatever is thrown; what is not the forward's fault ends the thread. */
        private void runBatch(List<BatchQueue.Waiting> batch) {
            Deque<ScoreJob> owed = new ArrayDeque<>();
            batch.forEach(waiting -> owed.add(waiting.job()));
            try {
                long startNanos = nanoClock.getAsLong();
                for (BatchQueue.Waiting waiting : batch) {
                    if (waiting.job().start(startNanos)) {
                        metrics.waited(startNanos - waiting.arrivedNanos());
                    } else {
                        owed.remove(waiting.job());
                    }
                }
                if (!owed.isEmpty()) {
                    forward(owed, startNanos);
                }
            } finally {
                owed.forEach(job -> complete(job, () -> job.failed(goingAway())));
            }
        }

        private void forward(Deque<ScoreJob> jobs, long startNanos) {
            List<ScoreItem> items = jobs.stream().map(ScoreJob::item).toList();
            List<ScoreOutcome> outcomes;
            Span span = metrics.begin(jobs, name);
            try {
                outcomes = model.score(items, jobs.element().content());
                if (outcomes.size() != items.size()) {
                    throw new IllegalStateException(
                            "the model gave " + outcomes.size() + " outcomes (expected: " + items.size() + ")");
                }
            } catch (Throwable e) {
                span.setStatus(StatusCode.ERROR, String.valueOf(e.getMessage()));
                if (DeviceMemory.isExhausted(e)) {
                    splitOrFail(jobs, e);
                    return;
                }
                // The batch fails, its callers are told, and the next batch gets its chance.
                LOG.error(
                        "teacher {} failed on {} sequences", model.description().name(), items.size(), e);
                Failure failure = Failure.of(Failure.Reason.MODEL_FAILED, "the model failed", e);
                for (ScoreJob job = jobs.poll(); job != null; job = jobs.poll()) {
                    ScoreJob failing = job;
                    complete(failing, () -> failing.failed(failure));
                }
                threw(items.stream().map(Device::identity).collect(Collectors.toSet()));
                return;
            } finally {
                span.end();
            }
            computed();
            moved(items.stream().mapToLong(item -> item.positions().length).sum());
            long nanos = nanoClock.getAsLong() - startNanos;
            metrics.ran(items, options.maxTokens(), nanos);
            measure(items, jobs, nanos);
            for (ScoreOutcome outcome : outcomes) {
                ScoreJob job = jobs.remove();
                fitted.add(job.item().tokens().length, job.entries());
                if (outcome instanceof ScoreOutcome.Scored scored) {
                    metrics.scored(scored.rows().rows());
                }
                complete(job, () -> deliver(job, outcome));
            }
        }

        /** Runs each half of a batch that the device has no memory for by itself; one sequence that is too much alone fails alone. */
        private void splitOrFail(Deque<ScoreJob> jobs, Throwable cause) {
            memory.warn("teacher " + model.description().name() + ": no memory on " + name + " for a forward of "
                    + jobs.size() + " sequences (expected: room; halve --batch-tokens): "
                    + PrintableText.ofClient(String.valueOf(cause.getMessage())));
            metrics.ranOutOfMemory();
            if (jobs.size() == 1) {
                ScoreJob failing = jobs.remove();
                Failure failure = new Failure(
                        Failure.Reason.DEVICE_MEMORY,
                        "no memory on the device for the sequence's "
                                + failing.item().tokens().length
                                + " tokens, even alone (expected: a shorter one, or a larger device)");
                complete(failing, () -> failing.failed(failure));
                ScoreItem item = failing.item();
                if (fitted.contains(item.tokens().length, failing.entries())) {
                    withoutMemory(Set.of(identity(item)), new Trial(item, failing.content()));
                }
                return;
            }
            int half = (jobs.size() + 1) / 2;
            while (!jobs.isEmpty()) {
                Deque<ScoreJob> part = new ArrayDeque<>();
                while (part.size() < half && !jobs.isEmpty()) {
                    part.add(jobs.remove());
                }
                try {
                    forward(part, nanoClock.getAsLong());
                } finally {
                    part.descendingIterator()
                            .forEachRemaining(jobs::addFirst); // what is still owed where something was thrown
                }
            }
        }
    }

    /** Most tokens of the next batch: where several devices have nothing to do, an even part of what waits. */
    @GuardedBy("lock")
    private int part() {
        long part = (queue.tokens() + idle - 1) / Math.max(1, idle);
        return idle <= 1 ? options.maxTokens() : (int) Math.max(1, Math.min(part, options.maxTokens()));
    }

    private static Thread daemon(Runnable runnable, String name) {
        Thread thread = new Thread(runnable, name);
        thread.setDaemon(true);
        return thread;
    }
}
