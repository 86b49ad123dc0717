package dev.lyne.lm.scoring;

/**
 * Rows of one sequence, in order of position, at temperature 1. Row r keeps {@code counts[r]} entries, which stand at
 * {@code [r·stride, r·stride + counts[r])} of {@code ids} and {@code logProbabilities} in descending order of probability.
 *
 * @param positions position of each row
 * @param stride room for entries a row: the selection's k
 * @param counts entries kept, `[rows]`
 * @param ids token ids, `[rows · stride]`
 * @param logProbabilities natural logarithms, `[rows · stride]`
 * @param logTailMass log of the mass not kept, `[rows]`; −∞ where everything is kept
 * @param dataLogProbability log-probability of token x_{t+1}, `[rows]`; NaN at position n − 1, which has none
 * @param temperatureOffsets c_τ, `[rows · temperatures]`, in the order of the selection's temperatures
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
public record SelectedRows(
        int[] positions,
        int stride,
        int[] counts,
        int[] ids,
        float[] logProbabilities,
        float[] logTailMass,
        float[] dataLogProbability,
        float[] temperatureOffsets) {
    /** Number of rows. */
    public int rows() {
        return positions.length;
    }
}
