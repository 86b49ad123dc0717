package dev.lyne.client.capture;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.client.StoredTargets;
import dev.lyne.client.StreamCounts;
import dev.lyne.client.StreamStatistics;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherDescription;
import dev.lyne.client.TeacherException;
import dev.lyne.row.RowSource;
import dev.lyne.wire.capture.Capture;
import dev.lyne.wire.capture.CapturedRows;
import dev.lyne.wire.capture.StepRange;
import io.grpc.Status;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongSupplier;

/** A stream of targets from a capture: sequences are read and decoded on a thread of its own, ahead of whoever takes them. */
final class CaptureStream implements TargetStream {
    private final Capture capture;
    private final boolean narrowing;
    /** Owned by the reader. */
    private final StoredTargets stored;

    private final CaptureSource.Options options;
    private final LongSupplier nanoTime;
    private final ExecutorService reader = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "lyne-capture-reader");
        thread.setDaemon(true);
        return thread;
    });

    @GuardedBy("this")
    private final Deque<Pending> untaken = new ArrayDeque<>();

    @GuardedBy("this")
    private long untakenTokens;

    @GuardedBy("this")
    private final StreamCounts counts = new StreamCounts();

    private volatile boolean closed;

    private record Pending(TargetSequence sequence, Future<Targets> targets) {}

    CaptureStream(
            Capture capture,
            boolean narrowing,
            StoredTargets stored,
            CaptureSource.Options options,
            LongSupplier nanoTime) {
        this.capture = capture;
        this.narrowing = narrowing;
        this.stored = stored;
        this.options = options;
        this.nanoTime = nanoTime;
    }

    @Override
    public TeacherDescription teacher() {
        return stored.teacher();
    }

    @Override
    public synchronized boolean offer(TargetSequence sequence) {
        stored.requireFits(sequence);
        requireOpen();
        boolean room = untaken.isEmpty()
                || (untaken.size() < options.windowSequences()
                        && untakenTokens + sequence.teacherTokens().length <= options.windowTokens());
        if (room) {
            counts.asked(sequence);
            untaken.addLast(begin(sequence));
        }
        return room;
    }

    @Override
    public synchronized void askAgain(TargetSequence sequence) {
        stored.requireFits(sequence);
        requireOpen();
        counts.reasked(sequence);
        untaken.addFirst(begin(sequence));
    }

    private synchronized Pending begin(TargetSequence sequence) {
        untakenTokens += sequence.teacherTokens().length;
        return new Pending(sequence, reader.submit(() -> read(sequence)));
    }

    /** Runs on the reader. */
    private Targets read(TargetSequence sequence) {
        Optional<CapturedRows> rows;
        try {
            rows = capture.rows(
                    sequence.teacherTokens(),
                    sequence.teacherPositions(),
                    stored.selection(),
                    narrowing,
                    options.steps().orElse(StepRange.ALL));
        } catch (IOException e) {
            throw StoredTargets.failed(sequence, Status.Code.DATA_LOSS, String.valueOf(e.getMessage()));
        }
        if (rows.isEmpty()) {
            throw StoredTargets.failed(
                    sequence,
                    Status.Code.NOT_FOUND,
                    capture.directory() + " has no rows of these " + sequence.teacherTokens().length
                            + " tokens at these " + sequence.positions().length
                            + " positions (expected: a sequence that was captured)");
        }
        return stored.read(
                sequence, rows.get().blocks(), RowSource.REPLAYED, rows.get().narrowed());
    }

    @Override
    public Targets take() throws InterruptedException {
        Pending first;
        synchronized (this) {
            requireOpen();
            first = untaken.pollFirst();
            if (first == null) {
                throw new IllegalStateException("take: no sequence is pending (expected: at least 1 offered)");
            }
            untakenTokens -= first.sequence().teacherTokens().length;
        }
        long start = nanoTime.getAsLong();
        boolean waited = !first.targets().isDone();
        try {
            Targets targets = first.targets().get();
            synchronized (this) {
                counts.received(targets);
            }
            return targets;
        } catch (ExecutionException e) {
            throw failure(e);
        } catch (CancellationException e) {
            throw new IllegalStateException("the stream of targets is closed", e);
        } finally {
            if (waited) {
                synchronized (this) {
                    counts.stalled(nanoTime.getAsLong() - start);
                }
            }
        }
    }

    private RuntimeException failure(ExecutionException e) {
        if (e.getCause() instanceof TeacherException failure) {
            synchronized (this) {
                counts.failed();
            }
            return failure;
        }
        return new IllegalStateException("reading " + capture.directory() + ": " + e.getCause(), e.getCause());
    }

    @Override
    public synchronized int pending() {
        return untaken.size();
    }

    @Override
    public synchronized StreamStatistics statistics() {
        return counts.statistics();
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the stream of targets is closed");
        }
    }

    @Override
    public void close() {
        closed = true;
        synchronized (this) {
            untaken.forEach(pending -> pending.targets().cancel(true));
        }
        reader.shutdownNow();
    }
}
