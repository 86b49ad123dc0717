package dev.lyne.student.client;

import java.util.List;
import java.util.Map;

/**
 * The teacher's rows for one sequence, checked, at temperature 1, in order of position. Row r keeps {@code counts[r]}
 * entries, which stand at {@code [r·stride, r·stride + counts[r])} in descending order of probability; past them ids are 0
 * and log-probabilities −∞.
 *
 * @param sequence what was asked
 * @param positions position of each row, equal to the sequence's
 * @param stride room for entries a row: the selection's k
 * @param counts entries kept, `[rows]`
 * @param ids token ids, `[rows · stride]`
 * @param logProbabilities natural logarithms, `[rows · stride]`
 * @param logTailMass log of the mass not kept, `[rows]`; −∞ where everything is kept
 * @param dataLogProbability log-probability of token x_{t+1}, `[rows]`; NaN at position n − 1, which has none
 * @param temperatures τ of the selection, as asked
 * @param temperatureOffsets c_τ = −log Σ_V exp(lp/τ), `[rows · temperatures]`, row after row
 * @param rowsBySource rows from each source; sums to the number of rows
 * @param blockBytes bytes of the blocks that carried the rows
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
public record Targets(
        TargetSequence sequence,
        int[] positions,
        int stride,
        int[] counts,
        int[] ids,
        float[] logProbabilities,
        float[] logTailMass,
        float[] dataLogProbability,
        List<Float> temperatures,
        float[] temperatureOffsets,
        Map<RowSource, Integer> rowsBySource,
        long blockBytes) {
    /** Number of rows. */
    public int rows() {
        return positions.length;
    }
}
