package dev.lyne.teacher.batch;

import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.lm.scoring.ScoreOutcome;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.Teacher;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One teacher's device: a queue, and the thread that runs its batches and nothing else.
 *
 * <p>Rows leave the device thread at once for the completion threads, which encode and deliver them while the next batch
 * runs. The hand-over is bounded: where the completion threads fall behind, the device thread takes its share, which slows
 * it down instead of letting rows pile up.
 *
 * <p>The queue is guarded by {@code lock}. No job is called with the lock held, so a job may submit and withdraw from under
 * locks of its own.
 */
public final class Batcher implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Batcher.class);
    private static final int MAX_PENDING_COMPLETIONS = 256;
    private static final int MAX_FAILURE_CHARACTERS = 300;

    private final Teacher teacher;
    private final BatchOptions options;
    private final LongSupplier nanoClock;
    private final BatchMetrics metrics;
    private final ThreadPoolExecutor completions;
    private final Thread deviceThread;
    private final CompletableFuture<Void> warm = new CompletableFuture<>();
    private final AtomicLong devicePositions = new AtomicLong();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition arrival = lock.newCondition();
    private final BatchQueue queue; // guarded by lock
    private boolean closed; // guarded by lock

    /**
     * Starts the device thread, which warms the teacher up first and closes it last.
     *
     * @param completionThreads threads that encode and deliver rows
     */
    public Batcher(
            Teacher teacher,
            BatchOptions options,
            int completionThreads,
            LongSupplier nanoClock,
            BatchMetrics metrics) {
        this.teacher = teacher;
        this.options = options;
        this.nanoClock = nanoClock;
        this.metrics = metrics;
        this.queue = new BatchQueue(options);
        String name = teacher.description().name();
        this.completions = new ThreadPoolExecutor(
                completionThreads,
                completionThreads,
                0,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(MAX_PENDING_COMPLETIONS),
                runnable -> daemon(runnable, "lyne-encode-" + name),
                new ThreadPoolExecutor.CallerRunsPolicy());
        this.deviceThread = daemon(this::runDevice, "lyne-device-" + name);
        metrics.bindQueue(this::queuedTokens, this::queuedSequences);
        deviceThread.start();
    }

    /** Completes when the teacher is warm; fails with what the warm-up threw. */
    public CompletableFuture<Void> warm() {
        return warm.copy();
    }

    /**
     * Queues a job. Never blocks.
     *
     * @return false where the batcher is closed and takes none
     */
    public boolean submit(BatchJob job) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            queue.add(job, nanoClock.getAsLong());
            arrival.signal();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Takes a job out of the queue that nobody waits for any more; one that has started runs to its end. */
    public void withdraw(BatchJob job) {
        lock.lock();
        try {
            queue.remove(job);
        } finally {
            lock.unlock();
        }
    }

    /** Positions that the device has worked through, whatever came of them. It moves while the device does. */
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

    /** Fails what waits, lets the running batch end, closes the teacher. */
    @Override
    public void close() throws InterruptedException {
        lock.lock();
        try {
            closed = true;
            arrival.signal();
        } finally {
            lock.unlock();
        }
        deviceThread.join();
        completions.shutdown();
        if (!completions.awaitTermination(30, TimeUnit.SECONDS)) {
            throw new IllegalStateException("completion threads still run after 30 s");
        }
    }

    private void runDevice() {
        try {
            teacher.warmUp();
            warm.complete(null);
            for (List<BatchQueue.Waiting> batch = take(); !batch.isEmpty(); batch = take()) {
                run(batch);
            }
        } catch (RuntimeException | Error e) {
            LOG.error(
                    "the device thread of teacher {} ends",
                    teacher.description().name(),
                    e);
            warm.completeExceptionally(e);
        } finally {
            endDevice();
        }
    }

    private void endDevice() {
        List<BatchJob> left;
        lock.lock();
        try {
            closed = true;
            left = queue.takeAll();
        } finally {
            lock.unlock();
        }
        left.forEach(job -> complete(() -> job.failed(goingAway())));
        teacher.close();
    }

    /** Waits for a batch; empty once closed. */
    private List<BatchQueue.Waiting> take() {
        while (true) {
            expireOverdue();
            lock.lock();
            try {
                if (closed) {
                    return List.of();
                }
                BatchQueue.Decision decision = queue.next(nanoClock.getAsLong());
                if (decision instanceof BatchQueue.Decision.Run run) {
                    return run.batch();
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

    private void expireOverdue() {
        long now = nanoClock.getAsLong();
        List<BatchJob> overdue;
        lock.lock();
        try {
            overdue = queue.overdue(now);
        } finally {
            lock.unlock();
        }
        for (BatchJob job : overdue) {
            if (job.expire(now)) {
                withdraw(job);
            }
        }
    }

    private void run(List<BatchQueue.Waiting> batch) {
        long startNanos = nanoClock.getAsLong();
        List<BatchJob> jobs = new ArrayList<>(batch.size());
        for (BatchQueue.Waiting waiting : batch) {
            if (waiting.job().start(startNanos)) {
                metrics.waited(startNanos - waiting.arrivedNanos());
                jobs.add(waiting.job());
            }
        }
        if (jobs.isEmpty()) {
            return;
        }
        List<ScoreItem> items = jobs.stream().map(BatchJob::item).toList();
        List<ScoreOutcome> outcomes;
        try {
            outcomes = teacher.score(items, jobs.get(0).selection());
            devicePositions.addAndGet(
                    items.stream().mapToLong(item -> item.positions().length).sum());
            if (outcomes.size() != items.size()) {
                throw new IllegalStateException(
                        "the model gave " + outcomes.size() + " outcomes (expected: " + items.size() + ")");
            }
        } catch (RuntimeException | Error e) {
            // The batch fails, its askers are told, and the next batch gets its chance.
            LOG.error("teacher {} failed on {} sequences", teacher.description().name(), items.size(), e);
            Failure failure = new Failure(Failure.Reason.MODEL_FAILED, "the model failed: " + line(e));
            jobs.forEach(job -> complete(() -> job.failed(failure)));
            return;
        }
        metrics.ran(items, options.maxTokens(), nanoClock.getAsLong() - startNanos);
        for (int i = 0; i < jobs.size(); i++) {
            BatchJob job = jobs.get(i);
            ScoreOutcome outcome = outcomes.get(i);
            if (outcome instanceof ScoreOutcome.Scored scored) {
                metrics.scored(scored.rows().rows());
            }
            complete(() -> deliver(job, outcome));
        }
    }

    private void deliver(BatchJob job, ScoreOutcome outcome) {
        if (outcome instanceof ScoreOutcome.Scored scored) {
            job.scored(scored.rows());
        } else if (outcome instanceof ScoreOutcome.NotFinite notFinite) {
            job.failed(new Failure(
                    Failure.Reason.NOT_FINITE,
                    "logits at position " + notFinite.position() + " are not finite (expected: finite)"));
        }
    }

    private void complete(Runnable completion) {
        completions.execute(() -> {
            try {
                completion.run();
            } catch (RuntimeException e) {
                // Jobs turn what they can foresee into failures; what is left is a defect, and must not end the thread.
                LOG.error("a completion failed", e);
            }
        });
    }

    private Failure goingAway() {
        return new Failure(
                Failure.Reason.DRAINING, "teacher " + teacher.description().name() + " is shutting down");
    }

    /** The first line of what was thrown, which may hold a native stack trace; the log has it whole. */
    private static String line(Throwable e) {
        String first = e.toString().lines().findFirst().orElse("");
        return first.substring(0, Math.min(MAX_FAILURE_CHARACTERS, first.length()));
    }

    private static Thread daemon(Runnable runnable, String name) {
        Thread thread = new Thread(runnable, name);
        thread.setDaemon(true);
        return thread;
    }
}
