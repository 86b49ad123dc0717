package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;

/** A JSON answer that holds rows. */
abstract class RowsAnswer extends JsonAnswer implements ValueReader<RowColumns> {
    final AnsweredRows rows;

    RowsAnswer(Asked asked) {
        this.rows = new AnsweredRows(asked);
    }

    @Override
    public final RowColumns value() throws EngineException {
        return rows.whole();
    }
}
