package dev.lyne.wire;

/**
 * Rows to encode, as columns: row r keeps {@code counts[r]} entries at {@code [r·stride, r·stride + counts[r])}.
 *
 * @param stride room for entries a row
 * @param counts entries kept, `[rows]`
 * @param ids token ids in descending order of probability, `[rows · stride]`
 * @param logProbabilities nats, `[rows · stride]`
 * @param logTailMass log of the mass not kept, `[rows]`; −∞ where nothing is left
 * @param labelLogProbability log-probability of the label, `[rows]`; NaN where there is none
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
}
