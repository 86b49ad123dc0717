package dev.lyne.teacher.model;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.teacher.trace.SequenceTrace;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * A sequence to be scored, and who is told what comes of it. A {@link Teacher} {@linkplain #start starts} it when its turn comes, and
 * tells it once, with {@link #scored} or {@link #failed}. Safe for several threads.
 */
public interface ScoreJob {
    /** Tokens and positions. */
    ScoreItem item();

    /** Returns the content of the job's rows; a batch has one content. */
    RowContent content();

    /** Entries that its rows hold at most. */
    long entries();

    /**
     * Returns the flows of those who wait for the job, each once for each time that it asked; as they are now, told
     * without a lock.
     */
    default List<Flow> flows() {
        return List.of(Flow.SOLE);
    }

    /** Returns the traces of the sequences that it answers, where somebody traces them. */
    default List<SequenceTrace> traces() {
        return List.of();
    }

    /** True where the job's deadline has passed; a hint that {@link #expire} decides on. */
    boolean overdue(long nowNanos);

    /** How long somebody still waits for it; {@link Long#MAX_VALUE} where there is no bound. */
    default long nanosLeft(long nowNanos) {
        return Long.MAX_VALUE;
    }

    /** Gives the job up where its deadline has passed and it has not started; then its callers are told. */
    boolean expire(long nowNanos);

    /**
     * Gives up a job that has started and whose deadline has passed, for who can end the work on it; its callers are
     * told, and it takes nothing more.
     */
    default boolean endLate(long nowNanos) {
        return false;
    }

    /** To be called right before work on it begins. False: nobody waits any more, it has been told so, and must not be worked on. */
    boolean start(long nowNanos);

    /** Takes the rows, on a thread that may encode them. */
    void scored(ScoreOutcome.Scored rows);

    /**
     * Takes rows that the teacher does not vouch for yet: they may be given out, and are kept once the stage completes. Where it fails,
     * they are of another model; its message says so. Where it is cancelled nobody can tell: they are not kept, and nobody is accused.
     */
    default void scored(ScoreOutcome.Scored rows, CompletionStage<Void> vouched) {
        scored(rows);
    }

    /** Takes the failure, unless the job was answered. */
    void failed(Failure failure);
}
