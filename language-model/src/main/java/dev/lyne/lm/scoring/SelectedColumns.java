package dev.lyne.lm.scoring;

import ai.djl.ndarray.NDList;
import java.util.Arrays;

/** The columns that the selection script returns, for the rows of all items of a batch. */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
record SelectedColumns(
        int k,
        int temperatures,
        int[] finite,
        int[] counts,
        int[] ids,
        float[] logProbabilities,
        float[] logTailMass,
        float[] dataLogProbability,
        float[] temperatureOffsets) {

    static SelectedColumns of(NDList columns, RowSelection selection) {
        return new SelectedColumns(
                selection.k(),
                selection.temperatures().size(),
                columns.get(0).toIntArray(),
                columns.get(1).toIntArray(),
                columns.get(2).toIntArray(),
                columns.get(3).toFloatArray(),
                columns.get(4).toFloatArray(),
                columns.get(5).toFloatArray(),
                selection.temperatures().isEmpty()
                        ? new float[0]
                        : columns.get(6).toFloatArray());
    }

    /** What an item gets that asked for nothing. */
    static ScoreOutcome none(RowSelection selection) {
        return new ScoreOutcome.Scored(new SelectedRows(
                new int[0],
                selection.k(),
                new int[0],
                new int[0],
                new float[0],
                new float[0],
                new float[0],
                new float[0]));
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
                k,
                Arrays.copyOfRange(counts, from, to),
                Arrays.copyOfRange(ids, from * k, to * k),
                Arrays.copyOfRange(logProbabilities, from * k, to * k),
                Arrays.copyOfRange(logTailMass, from, to),
                Arrays.copyOfRange(dataLogProbability, from, to),
                Arrays.copyOfRange(temperatureOffsets, from * temperatures, to * temperatures)));
    }
}
