package dev.lyne.wire;

/**
 * Rows as levels of a grid: what a compact block says, between bits and floating point. Narrowing works on these, so that a level
 * is rounded once in its life.
 *
 * @param grid of kept and data log-probabilities
 * @param tailGrid of log tail masses
 * @param offsets row r holds entries {@code offsets[r]} to {@code offsets[r + 1]}, `[rows + 1]`
 * @param starts where the ids and draw counts of each row start, `[rows]`: they may have room between rows
 * @param ids token ids
 * @param depths levels of their log-probabilities, `[entries]` or more; ascending within a row once decoded
 * @param tailDepths `[rows]`; {@link #NOTHING} for −∞
 * @param dataDepths `[rows]`; {@link #NOTHING} where a row has no data token
 * @param drawCounts beside the ids; empty where the selection draws nothing
 * @param temperatureOffsets c_τ, `[rows · temperatures]`
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
record QuantizedRows(
        LevelGrid grid,
        LevelGrid tailGrid,
        int[] offsets,
        int[] starts,
        int[] ids,
        int[] depths,
        int[] tailDepths,
        int[] dataDepths,
        int[] drawCounts,
        float[] temperatureOffsets) {
    /** Stands where there is no level. */
    static final int NOTHING = -1;

    int rows() {
        return offsets.length - 1;
    }

    int entries() {
        return offsets[offsets.length - 1];
    }
}
