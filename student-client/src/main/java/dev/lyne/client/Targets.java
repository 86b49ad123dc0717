package dev.lyne.client;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowSource;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * A teacher's rows for one sequence, checked, at temperature 1, in order of position.
 *
 * @param sequence what was asked; its positions, in the student's tokens, are those of the rows
 * @param columns the rows. Past a row's entries ids and draw counts are 0 and log-probabilities and logits −∞
 * @param temperatures τ of the selection, as asked
 * @param rowsBySource rows from each source; sums to the number of rows
 * @param narrowedRows rows that were cut from a stored wider selection
 * @param blocks the blocks that carried the rows, as they came, to be kept somewhere; read-only, their positions are not to be moved
 * @param blockBytes bytes of those blocks
 */
public record Targets(
        TargetSequence sequence,
        RowColumns columns,
        List<Float> temperatures,
        Map<RowSource, Integer> rowsBySource,
        int narrowedRows,
        List<ByteBuffer> blocks,
        long blockBytes) {
    /** Rows of log-probabilities alone, none of them narrowed, that came in no blocks. */
    public Targets(TargetSequence sequence, RowColumns columns, Map<RowSource, Integer> rowsBySource, long blockBytes) {
        this(sequence, columns, List.of(), rowsBySource, 0, List.of(), blockBytes);
    }

    /** Position of each row. */
    public int[] positions() {
        return sequence.positions();
    }

    /** Number of rows. */
    public int rows() {
        return columns.rows();
    }
}
