package dev.lyne.lm.scoring;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.lyne.row.RowColumns;
import dev.lyne.row.ScoreOutcome;

/**
 * Result of the selection script for a batch.
 *
 * @param finite 1 for each row whose logits are all finite, else 0, `[rows]`
 * @param rows of all items, one item after another
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
record SelectedBatch(int[] finite, RowColumns rows) {
    static SelectedBatch of(NDList columns) {
        return new SelectedBatch(
                integers(columns.get(0)),
                new RowColumns(
                        (int) columns.get(2).getShape().get(1),
                        integers(columns.get(1)),
                        integers(columns.get(2)),
                        reals(columns.get(3)),
                        reals(columns.get(4)),
                        reals(columns.get(5)),
                        reals(columns.get(6)),
                        reals(columns.get(7)),
                        integers(columns.get(8)),
                        reals(columns.get(9)),
                        reals(columns.get(10))));
    }

    private static int[] integers(NDArray column) {
        return column.size() == 0 ? new int[0] : column.toIntArray();
    }

    private static float[] reals(NDArray column) {
        return column.size() == 0 ? new float[0] : column.toFloatArray();
    }

    /** Returns the outcome of an item that asked for nothing. */
    static ScoreOutcome none() {
        float[] reals = {};
        return new ScoreOutcome.Scored(new int[0], new RowColumns(0, new int[0], new int[0], reals, reals, reals));
    }

    /** The outcome of the item whose rows start at {@code from}. */
    ScoreOutcome outcome(int[] positions, int from) {
        int to = from + positions.length;
        for (int row = from; row < to; row++) {
            if (finite[row] == 0) {
                return new ScoreOutcome.NotFinite(positions[row - from]);
            }
        }
        return new ScoreOutcome.Scored(positions.clone(), rows.slice(from, to));
    }
}
