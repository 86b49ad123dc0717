package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;

/** A JSON answer that holds rows. */
abstract class RowsAnswer extends JsonAnswer implements ValueReader<RowColumns> {
    final AnsweredRows rows;

    /** @param promptK entries of the prompt's rows */
    RowsAnswer(RowsRequest request, int promptK) {
        this.rows = new AnsweredRows(request, promptK);
    }

    @Override
    public final RowColumns value() throws EngineException {
        return rows.whole();
    }
}
