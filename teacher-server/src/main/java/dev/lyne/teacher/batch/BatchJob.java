package dev.lyne.teacher.batch;

import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.lm.scoring.ScoreOutcome;
import dev.lyne.row.RowContent;
import dev.lyne.teacher.model.Failure;

/** A sequence to be scored, as the batcher sees it. Safe for several threads. */
public interface BatchJob {
    /** Tokens and positions. */
    ScoreItem item();

    /** Entries to keep; a batch has one selection. */
    RowContent content();

    /** Entries that its rows hold at most. */
    long entries();

    /** True where the job's deadline has passed; a hint that {@link #expire} decides on. */
    boolean overdue(long nowNanos);

    /** Gives the job up where its deadline has passed and it has not started; then its askers are told. */
    boolean expire(long nowNanos);

    /** Called by the device thread right before the forward. False: nobody waits any more, and the job must not run. */
    boolean start(long nowNanos);

    /** Takes the rows; runs on a completion thread. */
    void scored(ScoreOutcome.Scored rows);

    /** Takes the failure, unless the job was answered; runs on a completion thread. */
    void failed(Failure failure);
}
