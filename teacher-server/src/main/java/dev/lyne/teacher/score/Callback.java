package dev.lyne.teacher.score;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.model.Failure;
import java.util.concurrent.CompletionStage;

/** Someone who asked for a sequence. Exactly one of these is called, once, on any thread, unless the asker withdrew. */
public interface Callback {
    /**
     * The rows are there.
     *
     * @param narrowed true where they were cut from rows of a wider selection
     */
    void scored(EncodedSequence rows, RowSource source, boolean narrowed);

    /**
     * The rows that come next are not vouched for yet; called right before {@link #scored}.
     *
     * @param vouched completes when they are; fails where they are another model's, with a message that says so
     */
    default void unvouched(int rows, CompletionStage<Void> vouched) {}

    /** There will be none. */
    void failed(Failure failure);
}
