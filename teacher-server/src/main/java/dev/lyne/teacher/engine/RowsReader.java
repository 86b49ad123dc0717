package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;

/** Reads an answer that holds rows. */
interface RowsReader extends AnswerReader {
    /** The rows, once the answer has ended. */
    RowColumns rows() throws EngineException;
}
