package dev.lyne.wire;

/**
 * Rows as levels of a grid: what a compact block says, between bits and floating point. Narrowing works on these, so that a level
 * is rounded once in its life. The entries of a row are in descending order of probability as far as it is known: always at the
 * {@link Cuts}.
 *
 * @param grid of log-probabilities of kept ids and labels
 * @param refinement of the grids for log tail masses
 * @param offsets row r holds entries {@code offsets[r]} to {@code offsets[r + 1]}, `[rows + 1]`
 * @param starts where the ids and draw counts of each row start, `[rows]`: they may have room between rows
 * @param ids token ids
 * @param depths levels of their log-probabilities, `[entries]` or more; ascending within a row
 * @param tailDepths `[rows]`; {@link #NOTHING} for −∞
 * @param labelDepths `[rows]`; {@link #NOTHING} where a row has no label
 * @param drawCounts beside the ids; empty where the selection draws nothing
 * @param temperatureOffsets c_τ, `[rows · temperatures]`
 * @param temperedDepths of the log tail masses at the temperatures, `[rows · temperatures]`; {@link #NOTHING} for −∞
 * @param corrections of tails of rows that are cut, in order
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
record QuantizedRows(
        LevelGrid grid,
        int refinement,
        int[] offsets,
        int[] starts,
        int[] ids,
        int[] depths,
        int[] tailDepths,
        int[] labelDepths,
        int[] drawCounts,
        float[] temperatureOffsets,
        int[] temperedDepths,
        long[] corrections) {
    /** Stands where there is no level. */
    static final int NOTHING = -1;

    int rows() {
        return offsets.length - 1;
    }

    int entries() {
        return offsets[offsets.length - 1];
    }

    /** Returns these rows with the corrections that their cuts need. */
    QuantizedRows withCorrections(long[] all) {
        return new QuantizedRows(
                grid,
                refinement,
                offsets,
                starts,
                ids,
                depths,
                tailDepths,
                labelDepths,
                drawCounts,
                temperatureOffsets,
                temperedDepths,
                all);
    }

    /** Most entries of a row. */
    int most() {
        int most = 0;
        for (int row = 0; row < rows(); row++) {
            most = Math.max(most, offsets[row + 1] - offsets[row]);
        }
        return most;
    }

    /** Temperatures that rows have offsets and tails for. */
    int temperatures() {
        return temperatureOffsets.length / rows();
    }
}
