package dev.lyne.lm.scoring;

import dev.lyne.row.Selection;

/**
 * One sequence to score.
 *
 * @param tokens x_0 to x_{n−1}
 * @param positions wanted positions, ascending, each in 0..n−1
 * @param chosen where the selection is {@link Selection.Chosen}: distinct token ids wanted at each position, in any order; otherwise
 *     empty
 */
@SuppressWarnings("ArrayRecordComponent") // identity is what callers need; contents are never compared
public record ScoreItem(int[] tokens, int[] positions, int[][] chosen) {
    private static final int[][] NOTHING_CHOSEN = {};

    /** A sequence whose positions name no tokens. */
    public ScoreItem(int[] tokens, int[] positions) {
        this(tokens, positions, NOTHING_CHOSEN);
    }
}
