package dev.lyne.lm.scoring;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import java.util.Arrays;

/** The columns that the selection script returns, for the rows of all items of a batch. */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
record SelectedColumns(
        int stride,
        int temperatures,
        int[] finite,
        int[] counts,
        int[] ids,
        float[] logProbabilities,
        float[] logTailMass,
        float[] labelLogProbability,
        float[] temperatureOffsets,
        float[] temperedLogTails,
        int[] drawCounts,
        float[] logits,
        float[] logSumExp) {

    static SelectedColumns of(NDList columns) {
        return new SelectedColumns(
                (int) columns.get(2).getShape().get(1),
                (int) columns.get(6).getShape().get(1),
                integers(columns.get(0)),
                integers(columns.get(1)),
                integers(columns.get(2)),
                reals(columns.get(3)),
                reals(columns.get(4)),
                reals(columns.get(5)),
                reals(columns.get(6)),
                reals(columns.get(7)),
                integers(columns.get(8)),
                reals(columns.get(9)),
                reals(columns.get(10)));
    }

    private static int[] integers(NDArray column) {
        return column.size() == 0 ? new int[0] : column.toIntArray();
    }

    private static float[] reals(NDArray column) {
        return column.size() == 0 ? new float[0] : column.toFloatArray();
    }

    /** What an item gets that asked for nothing. */
    static ScoreOutcome none() {
        int[] integers = {};
        float[] reals = {};
        return new ScoreOutcome.Scored(new SelectedRows(
                integers, 0, integers, integers, reals, reals, reals, reals, reals, integers, reals, reals));
    }

    /** The outcome of the item whose rows start at {@code from}. */
    ScoreOutcome outcome(int[] positions, int from) {
        int to = from + positions.length;
        for (int row = from; row < to; row++) {
            if (finite[row] == 0) {
                return new ScoreOutcome.NotFinite(positions[row - from]);
            }
        }
        return new ScoreOutcome.Scored(new SelectedRows(
                positions.clone(),
                stride,
                Arrays.copyOfRange(counts, from, to),
                Arrays.copyOfRange(ids, from * stride, to * stride),
                Arrays.copyOfRange(logProbabilities, from * stride, to * stride),
                Arrays.copyOfRange(logTailMass, from, to),
                Arrays.copyOfRange(labelLogProbability, from, to),
                Arrays.copyOfRange(temperatureOffsets, from * temperatures, to * temperatures),
                Arrays.copyOfRange(temperedLogTails, from * temperatures, to * temperatures),
                part(drawCounts, from * stride, to * stride),
                part(logits, from * stride, to * stride),
                part(logSumExp, from, to)));
    }

    /** A stretch of a column that may not be there. */
    private static int[] part(int[] column, int from, int to) {
        return column.length == 0 ? column : Arrays.copyOfRange(column, from, to);
    }

    private static float[] part(float[] column, int from, int to) {
        return column.length == 0 ? column : Arrays.copyOfRange(column, from, to);
    }
}
