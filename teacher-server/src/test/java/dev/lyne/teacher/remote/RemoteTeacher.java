package dev.lyne.teacher.remote;

import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.ScoreJob;
import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.v1.SelectionKind;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A teacher as one over a network would be: it answers on threads of its own, several sequences at a time, and only what its far end can
 * say, the k most probable tokens at temperature 1. Token i has rank (i − last token) modulo the vocabulary, and half of the mass that is
 * left.
 */
final class RemoteTeacher implements Teacher {
    static final int VOCABULARY = 20;

    private final TeacherDescription description = new TeacherDescription(
            "far away",
            new byte[32],
            new byte[32],
            VOCABULARY,
            64,
            new ExecutionFingerprint("none", "elsewhere", "", 1, 1, "float32"),
            "unknown",
            0,
            false,
            0,
            Optional.empty());
    private final ExecutorService connections = Executors.newFixedThreadPool(2);
    private final CompletableFuture<Optional<Throwable>> ended = new CompletableFuture<>();
    private final AtomicLong positions = new AtomicLong();
    final AtomicLong asked = new AtomicLong();

    @Override
    public TeacherDescription description() {
        return description;
    }

    @Override
    public Set<SelectionKind> selectionKinds() {
        return Set.of(SelectionKind.SELECTION_KIND_TOP_K);
    }

    @Override
    public Optional<String> refusal(RowContent content) {
        if (content.rawLogits() || !content.selection().temperatures().isEmpty()) {
            return Optional.of("selection: raw logits or temperatures (expected: neither)");
        }
        return Teacher.super.refusal(content);
    }

    @Override
    public CompletableFuture<Void> warm() {
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public boolean score(ScoreJob job) {
        try {
            connections.execute(() -> ask(job));
            return true;
        } catch (RejectedExecutionException e) {
            return false;
        }
    }

    private void ask(ScoreJob job) {
        if (!job.start(System.nanoTime())) {
            return;
        }
        asked.incrementAndGet();
        if (job.item().tokens()[0] == 0) {
            job.failed(new Failure(Failure.Reason.MODEL_FAILED, "the engine is gone"));
            return;
        }
        int[] wanted = job.item().positions();
        positions.addAndGet(wanted.length);
        job.scored(new ScoreOutcome.Scored(
                wanted, rows(job.item(), job.content().selection().mostEntries(VOCABULARY))));
    }

    private static RowColumns rows(ScoreItem item, int k) {
        int rows = item.positions().length;
        var columns = new RowColumns(
                k, new int[rows], new int[rows * k], new float[rows * k], new float[rows], new float[rows]);
        Arrays.fill(columns.counts(), k);
        for (int row = 0; row < rows; row++) {
            int position = item.positions()[row];
            int last = item.tokens()[position];
            for (int rank = 0; rank < k; rank++) {
                columns.ids()[row * k + rank] = (last + rank) % VOCABULARY;
                columns.logProbabilities()[row * k + rank] = logProbability(rank);
            }
            columns.logTailMass()[row] = k == VOCABULARY ? Float.NEGATIVE_INFINITY : (float) (-k * Math.log(2));
            columns.labelLogProbability()[row] = position + 1 == item.tokens().length
                    ? Float.NaN
                    : logProbability(Math.floorMod(item.tokens()[position + 1] - last, VOCABULARY));
        }
        return columns;
    }

    /** The last rank has what is left. */
    private static float logProbability(int rank) {
        return (float) (-Math.min(rank + 1, VOCABULARY - 1) * Math.log(2));
    }

    /** Requests that nobody waits for are dropped when their turn comes. */
    @Override
    public void withdraw(ScoreJob job) {}

    @Override
    public long devicePositions() {
        return positions.get();
    }

    @Override
    public CompletableFuture<Optional<Throwable>> ended() {
        return ended;
    }

    @Override
    public boolean close(long waitNanos) throws InterruptedException {
        connections.shutdown();
        ended.complete(Optional.empty());
        return connections.awaitTermination(waitNanos, TimeUnit.NANOSECONDS);
    }
}
