package dev.lyne.student.capture;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.client.MisalignedTargetsException;
import dev.lyne.client.SequenceFailedException;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.wire.capture.CaptureManifest;
import dev.lyne.wire.capture.CaptureWriter;
import dev.lyne.wire.capture.ShardWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Threads that write the missing shards, each with a stream of its own. The first that fails ends all; its failure is told. */
final class ShardWorkerPool {
    private static final int ATTEMPTS = 3;

    private final Recorder recorder;
    private final CaptureWriter writer;
    private final CaptureManifest planned;
    private final Queue<Integer> missing;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private int finished;

    @GuardedBy("lock")
    private long windows;

    @GuardedBy("lock")
    private long positions;

    @GuardedBy("lock")
    private long blockBytes;

    ShardWorkerPool(Recorder recorder, CaptureWriter writer, CaptureManifest planned, List<Integer> missing) {
        this.recorder = recorder;
        this.writer = writer;
        this.planned = planned;
        this.missing = new ConcurrentLinkedQueue<>(missing);
        this.finished = writer.shardCount() - missing.size();
    }

    void run(int threads) throws IOException, InterruptedException {
        int workers = Math.min(threads, missing.size());
        ExecutorService pool = Executors.newFixedThreadPool(workers, task -> new Thread(task, "lyne-capture-writer"));
        try {
            var ended = new ExecutorCompletionService<Void>(pool);
            for (int i = 0; i < workers; i++) {
                ended.submit(this::work);
            }
            for (int i = 0; i < workers; i++) {
                ended.take().get();
            }
        } catch (ExecutionException e) {
            throw rethrown(e);
        } finally {
            pool.shutdownNow();
            // What a writer leaves half-written it deletes itself, while the directory is still locked.
            if (!pool.awaitTermination(1, TimeUnit.MINUTES)) {
                throw new IllegalStateException("a writer of shards does not end");
            }
        }
    }

    private static RuntimeException rethrown(ExecutionException ended) throws IOException, InterruptedException {
        Throwable cause = ended.getCause();
        if (cause instanceof IOException failure) {
            throw failure;
        }
        if (cause instanceof InterruptedException failure) {
            throw failure;
        }
        if (cause instanceof RuntimeException failure) {
            throw failure;
        }
        throw new IllegalStateException(ended);
    }

    private Void work() throws IOException, InterruptedException {
        try (TargetStream stream = recorder.open()) {
            for (Integer shard = missing.poll(); shard != null; shard = missing.poll()) {
                write(shard, stream);
            }
        }
        return null;
    }

    private void write(int number, TargetStream stream) throws IOException, InterruptedException {
        try (ShardWriter shard = writer.begin(number)) {
            List<TargetSequence> wanted = new ArrayList<>();
            long end = planned.endWindow(number);
            for (long window = planned.firstWindow(number); window < end; window++) {
                TargetSequence sequence = recorder.sequence(window);
                if (shard.claim(sequence.teacherTokens(), sequence.teacherPositions())) {
                    wanted.add(sequence);
                } else {
                    recorded(0, 0);
                }
            }
            int offered = 0;
            for (int taken = 0; taken < wanted.size(); taken++) {
                while (offered < wanted.size() && stream.offer(wanted.get(offered))) {
                    offered++;
                }
                Targets targets = take(stream, wanted.get(taken));
                TargetSequence sequence = targets.sequence();
                shard.add(sequence.teacherTokens(), sequence.teacherPositions(), targets.blocks());
                recorded(targets.rows(), targets.blockBytes());
            }
            shard.finish();
        }
        synchronized (lock) {
            recorder.listener().onShard(++finished, writer.shardCount());
        }
    }

    private static Targets take(TargetStream stream, TargetSequence expected) throws InterruptedException {
        for (int attempt = 1; ; attempt++) {
            try {
                Targets targets = stream.take();
                if (targets.sequence().id() != expected.id()) {
                    throw new IllegalStateException(
                            "targets of window " + targets.sequence().id() + " (expected: " + expected.id() + ")");
                }
                return targets;
            } catch (SequenceFailedException | MisalignedTargetsException e) {
                if (attempt == ATTEMPTS) {
                    throw e;
                }
                stream.askAgain(expected);
            }
        }
    }

    private void recorded(int rows, long bytes) {
        synchronized (lock) {
            windows++;
            positions += rows;
            blockBytes += bytes;
            recorder.listener().onProgress(windows, positions, blockBytes);
        }
    }
}
