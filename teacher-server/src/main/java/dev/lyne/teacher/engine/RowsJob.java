package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.ScoreJob;
import dev.lyne.teacher.tenant.Flow;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * A sequence whose rows are wanted.
 *
 * @param vocabularySize ids are below it
 */
record RowsJob(ScoreJob job, int vocabularySize) implements EngineJob<RowColumns> {
    @Override
    public RowsRequest request() {
        return RowsRequest.of(job.item(), job.content(), vocabularySize);
    }

    @Override
    public int tokens() {
        return job.item().tokens().length;
    }

    @Override
    public List<Flow> flows() {
        return job.flows();
    }

    @Override
    public boolean overdue(long nowNanos) {
        return job.overdue(nowNanos);
    }

    @Override
    public boolean mayBeRefused() {
        return true;
    }

    @Override
    public long nanosLeft(long nowNanos) {
        return job.nanosLeft(nowNanos);
    }

    @Override
    public boolean expire(long nowNanos) {
        return job.expire(nowNanos);
    }

    @Override
    public boolean endLate(long nowNanos) {
        return job.endLate(nowNanos);
    }

    @Override
    public boolean start(long nowNanos) {
        return job.start(nowNanos);
    }

    @Override
    public void answered(RowColumns rows, CompletionStage<Void> vouched) {
        job.scored(new ScoreOutcome.Scored(job.item().positions(), rows), vouched);
    }

    @Override
    public int positions(RowColumns rows) {
        return job.item().positions().length;
    }

    @Override
    public void failed(Failure failure) {
        job.failed(failure);
    }
}
