package dev.lyne.teacher.batch;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.lm.scoring.ScoreOutcome;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.PacedLog;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.model.QueueLine;
import dev.lyne.teacher.model.ScoreJob;
import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.model.TokenizerFile;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A local model as a teacher: a queue, and the thread that runs its batches and nothing else.
 *
 * <p>Rows leave the device thread at once for the completion threads, which encode and deliver them while the next batch
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
    private static final long LEAST_RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    /** Tokens of a forward while other work waits and no forward has been timed. */
    private static final int UNMEASURED_TOKENS = 256;

    private final LocalModel model;
    private final BatchOptions options;
    private final LongSupplier nanoClock;
    private final BatchMetrics metrics;
    private final DeviceWork beside;
    private final ThreadPoolExecutor completions;
    private final Thread deviceThread;
    private final CompletableFuture<Void> warm = new CompletableFuture<>();
    private final CompletableFuture<Optional<Throwable>> ended = new CompletableFuture<>();
    private final AtomicLong devicePositions = new AtomicLong();
    private final AtomicLong pendingEntries = new AtomicLong();
    private final AtomicLong workingSinceNanos = new AtomicLong(NOT_WORKING);
    private final PacedLog memory = new PacedLog(LOG);
    private final PacedLog defects = new PacedLog(LOG);

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition arrival = lock.newCondition();

    @GuardedBy("lock")
    private final ForwardCosts costs = new ForwardCosts();

    @GuardedBy("lock")
    private final BatchQueue queue;

    @GuardedBy("lock")
    private boolean closed;

    /** Whether other work comes before the next batch; owned by the device thread. */
    private boolean besideNext;

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
     * Starts the device thread, which warms the teacher up first and closes it last.
     *
     * @param completionThreads threads that encode and deliver rows
     * @param beside what the device does between batches; while it waits, batches are cut to what takes no longer than it allows
     */
    public Batcher(
            LocalModel model,
            BatchOptions options,
            int completionThreads,
            LongSupplier nanoClock,
            BatchMetrics metrics,
            DeviceWork beside) {
        this.model = model;
        this.beside = beside;
        this.options = options;
        this.nanoClock = nanoClock;
        this.metrics = metrics;
        this.queue = new BatchQueue(options, costs);
        String name = model.description().name();
        this.completions = new ThreadPoolExecutor(
                completionThreads,
                completionThreads,
                0,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(MAX_PENDING_COMPLETIONS),
                runnable -> daemon(runnable, "lyne-encode-" + name),
                new ThreadPoolExecutor.AbortPolicy());
        this.deviceThread = daemon(this::runDevice, "lyne-device-" + name);
        metrics.bindQueue(this::queuedTokens, this::queuedSequences);
        beside.onArrival(this::wake);
        deviceThread.start();
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
            wait = queue.expectedWaitNanos(job);
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

    private Failure overloaded(String what, long nanos, long retryNanos) {
        long retryMillis = TimeUnit.NANOSECONDS.toMillis(Math.max(
                LEAST_RETRY_NANOS, Math.min(retryNanos, options.maxQueue().toNanos())));
        return new Failure(
                Failure.Reason.OVERLOADED,
                String.format(
                        Locale.ROOT,
                        "%s %.1f s for the device (expected: at most %.1f, --max-queue-millis, and the time that the asker has)",
                        what,
                        nanos / 1e9,
                        options.maxQueue().toNanos() / 1e9),
                retryMillis);
    }

    /** What waits for the device, by class and tenant. */
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
    public void askersChanged(ScoreJob job) {
        lock.lock();
        try {
            queue.askersChanged(job, nanoClock.getAsLong());
        } finally {
            lock.unlock();
        }
    }

    /** How sequences become batches. */
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
            arrival.signal();
        } finally {
            lock.unlock();
        }
        TimeUnit.NANOSECONDS.timedJoin(deviceThread, Math.max(1, waitNanos));
        completions.shutdown();
        long left = Math.max(1, waitNanos - (System.nanoTime() - start));
        return completions.awaitTermination(left, TimeUnit.NANOSECONDS) && !deviceThread.isAlive();
    }

    private void runDevice() {
        Optional<Throwable> defect = Optional.empty();
        try {
            model.warmUp();
            warm.complete(null);
            for (Optional<List<BatchQueue.Waiting>> turn = take(); turn.isPresent(); turn = take()) {
                List<BatchQueue.Waiting> batch = turn.get();
                workingSinceNanos.set(nanoClock.getAsLong());
                if (batch.isEmpty()) {
                    runBeside();
                } else {
                    run(batch);
                }
                workingSinceNanos.set(NOT_WORKING);
                besideNext = !batch.isEmpty();
            }
        } catch (Throwable e) {
            LOG.error(
                    "the device thread of teacher {} ends", model.description().name(), e);
            defect = Optional.of(e);
        } finally {
            endDevice(defect);
        }
    }

    private void runBeside() {
        long startNanos = nanoClock.getAsLong();
        DeviceWork.Stretch done = beside.run();
        devicePositions.addAndGet(done.positions());
        lock.lock();
        try {
            queue.charge(done.shares(), nanoClock.getAsLong() - startNanos);
        } finally {
            lock.unlock();
        }
    }

    private void endDevice(Optional<Throwable> defect) {
        defect.ifPresent(warm::completeExceptionally);
        if (defect.isPresent()) {
            ended.complete(defect); // before anyone is told: who comes now is to find another server
        }
        List<ScoreJob> left;
        lock.lock();
        try {
            closed = true;
            left = queue.takeAll();
        } finally {
            lock.unlock();
        }
        left.forEach(job -> complete(job, () -> job.failed(goingAway())));
        try {
            beside.end();
        } finally {
            model.close();
            ended.complete(Optional.empty());
        }
    }

    /** There is other work. */
    private void wake() {
        lock.lock();
        try {
            arrival.signal();
        } finally {
            lock.unlock();
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
                boolean others = beside.waits();
                if (others && besideNext) {
                    return Optional.of(List.of());
                }
                BatchQueue.Decision decision =
                        queue.next(nanoClock.getAsLong(), others ? tokensBeside() : options.maxTokens());
                if (decision instanceof BatchQueue.Decision.Run run) {
                    return Optional.of(run.batch());
                } else if (others) {
                    return Optional.of(List.of());
                } else if (decision instanceof BatchQueue.Decision.Wait wait) {
                    long unusedLeft = arrival.awaitNanos(wait.nanos());
                } else {
                    arrival.await();
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException("the device thread was interrupted", e);
            } finally {
                lock.unlock();
            }
        }
    }

    /** Tokens of a batch that takes no longer than other work may be made to wait. */
    @GuardedBy("lock")
    private int tokensBeside() {
        double nanos = beside.longestForward().toNanos();
        double fitting = costs.measured() ? nanos / costs.nanosPerToken() : UNMEASURED_TOKENS;
        return (int) Math.max(1, Math.min(fitting, options.maxTokens()));
    }

    private void expireOverdue() {
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

    /** Runs a batch. Each of its jobs is told, started or not, whatever is thrown; what is not the forward's fault ends the thread. */
    private void run(List<BatchQueue.Waiting> batch) {
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
        try {
            outcomes = model.score(items, jobs.element().content());
            if (outcomes.size() != items.size()) {
                throw new IllegalStateException(
                        "the model gave " + outcomes.size() + " outcomes (expected: " + items.size() + ")");
            }
        } catch (Throwable e) {
            if (isDeviceMemory(e)) {
                splitOrFail(jobs, startNanos, e);
                return;
            }
            // The batch fails, its askers are told, and the next batch gets its chance.
            LOG.error("teacher {} failed on {} sequences", model.description().name(), items.size(), e);
            Failure failure = Failure.of(Failure.Reason.MODEL_FAILED, "the model failed", e);
            for (ScoreJob job = jobs.poll(); job != null; job = jobs.poll()) {
                ScoreJob failing = job;
                complete(failing, () -> failing.failed(failure));
            }
            return;
        }
        devicePositions.addAndGet(
                items.stream().mapToLong(item -> item.positions().length).sum());
        long nanos = nanoClock.getAsLong() - startNanos;
        metrics.ran(items, options.maxTokens(), nanos);
        measure(items, jobs.element(), nanos);
        for (ScoreOutcome outcome : outcomes) {
            ScoreJob job = jobs.remove();
            if (outcome instanceof ScoreOutcome.Scored scored) {
                metrics.scored(scored.rows().rows());
            }
            complete(job, () -> deliver(job, outcome));
        }
    }

    /** Whether the device had no memory: PyTorch says so by a message alone. Java's own memory is another matter. */
    private static boolean isDeviceMemory(Throwable thrown) {
        String message = String.valueOf(thrown.getMessage());
        return !(thrown instanceof Error)
                && (message.contains("out of memory") || message.contains("can't allocate memory"));
    }

    /** Runs each half of a batch that the device has no memory for by itself; one sequence that is too much alone fails alone. */
    private void splitOrFail(Deque<ScoreJob> jobs, long startNanos, Throwable cause) {
        String name = model.description().name();
        memory.warn("teacher " + name + ": no memory on the device for a forward of " + jobs.size()
                + " sequences (expected: room; halve --batch-tokens): "
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

    /** How long the device thread has been at what it does now; 0 while it waits. */
    public long workingNanos() {
        long since = workingSinceNanos.get();
        return since == NOT_WORKING ? 0 : Math.max(1, nanoClock.getAsLong() - since);
    }

    /** What the device thread is in, for people. */
    public String deviceStack() {
        return Arrays.stream(deviceThread.getStackTrace())
                .map(frame -> "\n    at " + frame)
                .collect(Collectors.joining("", deviceThread.getName() + " (" + deviceThread.getState() + ")", ""));
    }

    private void measure(List<ScoreItem> items, ScoreJob first, long nanos) {
        lock.lock();
        try {
            costs.add(items, first.content(), first.entries(), nanos);
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

    private static Thread daemon(Runnable runnable, String name) {
        Thread thread = new Thread(runnable, name);
        thread.setDaemon(true);
        return thread;
    }
}
