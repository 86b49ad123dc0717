package dev.lyne.wire;

/**
 * A decoded block: rows of one sequence, packed, so that what has arrived takes no more room than it needs until all of a sequence is
 * there. Row r keeps the entries {@code offsets[r]} (inclusive) to
 * {@code offsets[r + 1]} (exclusive) of {@code ids} and {@code logProbabilities}, in descending order of probability.
 *
 * @param header what the block says of itself
 * @param offsets `[rows + 1]`
 * @param ids token ids, each below the vocabulary size
 * @param logProbabilities nats, at temperature 1
 * @param logTailMass log of the mass not kept, `[rows]`; −∞ where nothing is left
 * @param labelLogProbability log-probability of the label, `[rows]`; NaN where there is none, which only
 *     the last row may lack
 * @param temperatureOffsets c_τ, `[rows · temperatures]`
 * @param temperedLogTails log of the mass not kept at each temperature, `[rows · temperatures]`; −∞ where nothing is left
 * @param drawCounts how often each id was drawn, `[entries]`, 0 for an entry of the exact head; empty where the selection draws
 *     nothing
 * @param logits raw logits of the kept ids, `[entries]`; empty where the header says that there are none
 * @param logSumExp log of the sum of the exponentials of all logits, `[rows]`; empty where there are none
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
public record TargetBlock(
        BlockHeader header,
        int[] offsets,
        int[] ids,
        float[] logProbabilities,
        float[] logTailMass,
        float[] labelLogProbability,
        float[] temperatureOffsets,
        float[] temperedLogTails,
        int[] drawCounts,
        float[] logits,
        float[] logSumExp) {
    /** Number of rows. */
    public int rows() {
        return header.rows();
    }

    /** Entries that a row keeps. */
    public int count(int row) {
        return offsets[row + 1] - offsets[row];
    }
}
