package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;

/** A JSON answer that holds rows. */
abstract class RowsAnswer extends JsonAnswer implements RowsReader {
    final AnsweredRows rows;

    RowsAnswer(Asked asked) {
        this.rows = new AnsweredRows(asked);
    }

    @Override
    public final RowColumns rows() throws EngineException {
        return rows.whole();
    }
}
