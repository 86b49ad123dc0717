package dev.lyne.client;

import dev.lyne.row.RowSource;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * The teacher's rows for one sequence, checked, at temperature 1, in order of position. Row r keeps {@code counts[r]}
 * entries, which stand at {@code [r·stride, r·stride + counts[r])} in descending order of probability; past them ids and draw counts
 * are 0 and log-probabilities and logits −∞.
 *
 * @param sequence what was asked
 * @param positions position of each row, equal to the sequence's
 * @param stride room for entries a row: the most that any of them keeps, at least 1
 * @param counts entries kept, `[rows]`
 * @param ids token ids, `[rows · stride]`
 * @param logProbabilities natural logarithms, `[rows · stride]`
 * @param logTailMass log of the mass not kept, `[rows]`; −∞ where everything is kept
 * @param labelLogProbability log-probability of token x_{t+1}, `[rows]`; NaN at position n − 1, which has none
 * @param temperatures τ of the selection, as asked
 * @param temperatureOffsets c_τ = −log Σ_V exp(lp/τ), `[rows · temperatures]`, row after row
 * @param temperedLogTails log of the mass not kept at each temperature, `[rows · temperatures]`, row after row; −∞ where everything is
 *     kept
 * @param drawCounts how often each token was drawn, `[rows · stride]`, 0 for one of the exact head; empty where nothing is drawn
 * @param logits raw logits of the kept tokens, `[rows · stride]`; empty where they were not asked for
 * @param logSumExp log of the sum of the exponentials of all logits, `[rows]`; empty where they were not asked for
 * @param rowsBySource rows from each source; sums to the number of rows
 * @param narrowedRows rows that were cut from a stored wider selection
 * @param blocks the blocks that carried the rows, as they came, to be kept somewhere; read-only, their positions are not to be moved
 * @param blockBytes bytes of those blocks
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
        float[] labelLogProbability,
        List<Float> temperatures,
        float[] temperatureOffsets,
        float[] temperedLogTails,
        int[] drawCounts,
        float[] logits,
        float[] logSumExp,
        Map<RowSource, Integer> rowsBySource,
        int narrowedRows,
        List<ByteBuffer> blocks,
        long blockBytes) {
    /** Rows of log-probabilities alone, at temperature 1, none of them narrowed, that came in no blocks. */
    public Targets(
            TargetSequence sequence,
            int[] positions,
            int stride,
            int[] counts,
            int[] ids,
            float[] logProbabilities,
            float[] logTailMass,
            float[] labelLogProbability,
            Map<RowSource, Integer> rowsBySource,
            long blockBytes) {
        this(
                sequence,
                positions,
                stride,
                counts,
                ids,
                logProbabilities,
                logTailMass,
                labelLogProbability,
                List.of(),
                new float[0],
                new float[0],
                new int[0],
                new float[0],
                new float[0],
                rowsBySource,
                0,
                List.of(),
                blockBytes);
    }

    /** Number of rows. */
    public int rows() {
        return positions.length;
    }
}
