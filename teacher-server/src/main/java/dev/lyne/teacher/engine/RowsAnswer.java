package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;

/** An answer that holds rows. */
abstract class RowsAnswer extends JsonAnswer {
    final AnsweredRows rows;

    RowsAnswer(Asked asked) {
        this.rows = new AnsweredRows(asked);
    }

    /** The rows, once the answer has ended. */
    final RowColumns rows() throws EngineException {
        return rows.whole();
    }
}
