package dev.lyne.teacher.score;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.model.Failure;

/** Someone who asked for a sequence. Exactly one of these is called, once, on any thread, unless the asker withdrew. */
public interface Callback {
    /**
     * The rows are there.
     *
     * @param narrowed true where they were cut from rows of a wider selection
     */
    void scored(EncodedSequence rows, RowSource source, boolean narrowed);

    /** There will be none. */
    void failed(Failure failure);
}
