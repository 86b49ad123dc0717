package dev.lyne.lm.scoring;

/**
 * Rows of one sequence, in order of position, at temperature 1. Row r keeps {@code counts[r]} entries, which stand at
 * {@code [r·stride, r·stride + counts[r])} of the entries' columns in descending order of probability, ties to the lower id.
 *
 * @param positions position of each row
 * @param stride room for entries a row: at least the greatest count
 * @param counts entries kept, `[rows]`
 * @param ids token ids, `[rows · stride]`
 * @param logProbabilities natural logarithms, `[rows · stride]`
 * @param logTailMass log of the mass not kept, `[rows]`: −∞ where everything is kept, 0 where nothing is
 * @param labelLogProbability log-probability of token x_{t+1}, `[rows]`; NaN at position n − 1, which has none
 * @param temperatureOffsets c_τ, `[rows · temperatures]`, in the order of the selection's temperatures
 * @param temperedLogTails log of the mass not kept at each temperature, log Σ exp(lp/τ + c_τ) over what is not kept, `[rows ·
 *     temperatures]`; −∞ where everything is kept, 0 where nothing is
 * @param drawCounts how often each entry was drawn, `[rows · stride]`, 0 for the exact head; empty where nothing is drawn
 * @param logits what the model gave for each entry, `[rows · stride]`; empty unless asked for
 * @param logSumExp log of the sum of the exponentials of all logits, `[rows]`; empty unless logits are asked for
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
public record SelectedRows(
        int[] positions,
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
    /** Rows at temperature 1 alone, without draws and logits. */
    public SelectedRows(
            int[] positions,
            int stride,
            int[] counts,
            int[] ids,
            float[] logProbabilities,
            float[] logTailMass,
            float[] labelLogProbability) {
        this(
                positions,
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
        return positions.length;
    }
}
