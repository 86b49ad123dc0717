package dev.lyne.row;

import java.util.Arrays;

/**
 * Rows of one sequence as columns with room for entries, which is how a model computes them, an encoder takes them and a student learns
 * from them; in order of position, at temperature 1. Row r keeps {@code counts[r]} entries, which stand at
 * {@code [r·stride, r·stride + counts[r])} of the entries' columns in descending order of probability, ties to the lower id.
 *
 * @param stride room for entries a row: at least the greatest count
 * @param counts entries kept, `[rows]`
 * @param ids token ids in descending order of probability, `[rows · stride]`
 * @param logProbabilities nats, `[rows · stride]`
 * @param logTailMass log of the mass not kept, `[rows]`: −∞ where everything is kept, 0 where nothing is
 * @param labelLogProbability log-probability of the label, token x_{t+1}, `[rows]`; NaN at position n − 1, which has none
 * @param temperatureOffsets c_τ, `[rows · temperatures]`
 * @param temperedLogTails log of the mass not kept at each temperature τ, log Σ exp(lp/τ + c_τ), `[rows · temperatures]`; −∞ where
 *     nothing is left
 * @param drawCounts how often each id was drawn, `[rows · stride]`, 0 for an entry of the exact head; empty where the selection
 *     draws nothing
 * @param logits raw logits of the kept ids, `[rows · stride]`; empty where they are not asked for
 * @param logSumExp log of the sum of the exponentials of all logits, `[rows]`; empty where they are not asked for
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
public record RowColumns(
        int stride,
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
    /** Columns of rows that hold log-probabilities alone, at temperature 1. */
    public RowColumns(
            int stride,
            int[] counts,
            int[] ids,
            float[] logProbabilities,
            float[] logTailMass,
            float[] labelLogProbability) {
        this(
                stride,
                counts,
                ids,
                logProbabilities,
                logTailMass,
                labelLogProbability,
                new float[0],
                new float[0],
                new int[0],
                new float[0],
                new float[0]);
    }

    /** Number of rows. */
    public int rows() {
        return counts.length;
    }

    /** The rows {@code [from, to)}, copied. */
    public RowColumns slice(int from, int to) {
        int temperatures = rows() == 0 ? 0 : temperatureOffsets.length / rows();
        return new RowColumns(
                stride,
                Arrays.copyOfRange(counts, from, to),
                Arrays.copyOfRange(ids, from * stride, to * stride),
                Arrays.copyOfRange(logProbabilities, from * stride, to * stride),
                Arrays.copyOfRange(logTailMass, from, to),
                Arrays.copyOfRange(labelLogProbability, from, to),
                Arrays.copyOfRange(temperatureOffsets, from * temperatures, to * temperatures),
                Arrays.copyOfRange(temperedLogTails, from * temperatures, to * temperatures),
                drawCounts.length == 0 ? drawCounts : Arrays.copyOfRange(drawCounts, from * stride, to * stride),
                part(logits, from * stride, to * stride),
                part(logSumExp, from, to));
    }

    /** A stretch of a column that may not be there. */
    private static float[] part(float[] column, int from, int to) {
        return column.length == 0 ? column : Arrays.copyOfRange(column, from, to);
    }

    /** The most probable token of a row. */
    public int top(int row) {
        return ids[row * stride];
    }
}
