package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.ScoreJob;
import dev.lyne.teacher.tenant.Flow;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** A sequence as single-flight would hand it to a teacher. */
final class RecordingJob implements ScoreJob {
    private final ScoreItem item;
    private final RowContent content;
    private final CompletableFuture<RowColumns> rows = new CompletableFuture<>();
    private final CompletableFuture<Failure> failure = new CompletableFuture<>();
    final CompletableFuture<CompletionStage<Void>> vouched = new CompletableFuture<>();

    /** On whose behalf. */
    volatile Flow flow = Flow.SOLE;

    /** Whether its time has passed, for a job that has started. */
    volatile boolean late;

    RecordingJob(RowContent content, int... tokens) {
        this.item = new ScoreItem(tokens, IntStream.range(0, tokens.length).toArray());
        this.content = content;
    }

    /** All positions but the last. */
    static RecordingJob topK(int k, int... tokens) {
        return new RecordingJob(
                RowContent.topK(k), IntStream.range(0, tokens.length - 1).toArray(), tokens);
    }

    RecordingJob(RowContent content, int[] positions, int... tokens) {
        this.item = new ScoreItem(tokens, positions);
        this.content = content;
    }

    RowColumns rows() throws Exception {
        return rows.get(20, TimeUnit.SECONDS);
    }

    Failure failure() throws Exception {
        return failure.get(20, TimeUnit.SECONDS);
    }

    boolean isAnswered() {
        return rows.isDone() || failure.isDone();
    }

    @Override
    public ScoreItem item() {
        return item;
    }

    @Override
    public RowContent content() {
        return content;
    }

    @Override
    public long entries() {
        return 0;
    }

    @Override
    public List<Flow> flows() {
        return List.of(flow);
    }

    @Override
    public boolean overdue(long nowNanos) {
        return late;
    }

    @Override
    public boolean expire(long nowNanos) {
        return false;
    }

    @Override
    public boolean endLate(long nowNanos) {
        return !start(nowNanos);
    }

    @Override
    public boolean start(long nowNanos) {
        if (late) {
            failed(new Failure(Failure.Reason.DEADLINE_PASSED, "late"));
        }
        return !late;
    }

    @Override
    public void scored(ScoreOutcome.Scored scored) {
        throw new AssertionError("an engine's rows are vouched for later");
    }

    @Override
    public void scored(ScoreOutcome.Scored scored, CompletionStage<Void> stage) {
        vouched.complete(stage);
        rows.complete(scored.rows());
        failure.completeExceptionally(new AssertionError("it was scored"));
    }

    @Override
    public void failed(Failure why) {
        failure.complete(why);
        rows.completeExceptionally(new AssertionError(why.reason() + ": " + why.message()));
    }
}
