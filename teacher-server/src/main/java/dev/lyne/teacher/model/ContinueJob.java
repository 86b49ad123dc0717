package dev.lyne.teacher.model;

import dev.lyne.teacher.tenant.Flow;
import java.util.concurrent.CompletionStage;

/** A text to be continued, and who is told what comes of it: once, with {@link #continued} or {@link #failed}. Safe for several threads. */
public interface ContinueJob {
    /** Returns what the text is owed. */
    Continuation continuation();

    /** Returns the flow on whose behalf it is. */
    Flow flow();

    /** Whether somebody still waits for it; asked right before work on it begins. */
    boolean isWanted();

    /**
     * Takes the answer.
     *
     * @param vouched completes when it is known to be the teacher's; fails where it is another model's, with a message that says so; is
     *     cancelled where nobody can tell
     */
    void continued(Continued answer, CompletionStage<Void> vouched);

    /** Takes the failure. */
    void failed(Failure failure);
}
