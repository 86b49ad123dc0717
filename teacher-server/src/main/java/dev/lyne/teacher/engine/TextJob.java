package dev.lyne.teacher.engine;

import dev.lyne.teacher.model.ContinueJob;
import dev.lyne.teacher.model.Continued;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.tenant.Flow;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * A text that is to be continued.
 *
 * @param vocabularySize ids are below it
 */
record TextJob(ContinueJob job, int vocabularySize) implements EngineJob<Continued> {
    @Override
    public TextRequest request() {
        return new TextRequest(job.continuation(), vocabularySize);
    }

    @Override
    public int tokens() {
        return request().tokens();
    }

    @Override
    public List<Flow> flows() {
        return List.of(job.flow());
    }

    /** Never: a text has no deadline. */
    @Override
    public boolean overdue(long nowNanos) {
        return false;
    }

    @Override
    public boolean mayBeRefused() {
        return false;
    }

    @Override
    public long nanosLeft(long nowNanos) {
        return Long.MAX_VALUE;
    }

    @Override
    public boolean expire(long nowNanos) {
        return false;
    }

    @Override
    public boolean endLate(long nowNanos) {
        return false;
    }

    @Override
    public boolean start(long nowNanos) {
        return job.isWanted();
    }

    @Override
    public void answered(Continued answer, CompletionStage<Void> vouched) {
        job.continued(answer, vouched);
    }

    @Override
    public int positions(Continued answer) {
        return answer.taken().length + answer.drawn().length;
    }

    @Override
    public void failed(Failure failure) {
        job.failed(failure);
    }
}
