package dev.lyne.row;

/**
 * A sequence to score, and the positions whose rows are wanted.
 *
 * @param tokens x_0 to x_{n−1}
 * @param positions wanted positions, ascending, each in 0..n−1
 * @param chosen where the selection is {@link Selection.Chosen}: distinct token ids wanted at each position, in any order; otherwise
 *     empty
 */
@SuppressWarnings("ArrayRecordComponent") // identity is what callers need; contents are never compared
public record ScoreItem(int[] tokens, int[] positions, int[][] chosen) {
    private static final int[][] NOTHING_CHOSEN = {};

    /** Constructs a sequence whose positions name no tokens. */
    public ScoreItem(int[] tokens, int[] positions) {
        this(tokens, positions, NOTHING_CHOSEN);
    }

    /**
     * Refuses an item that does not fit.
     *
     * @param index of the item among those asked for together
     * @throws IllegalArgumentException naming the item, the value and the expectation
     */
    public void requireFits(int index, int contextLength, int vocabularySize) {
        int length = tokens.length;
        if (length < 1 || length > contextLength) {
            throw new IllegalArgumentException(
                    "item " + index + ": " + length + " tokens (expected: 1..context=" + contextLength + ")");
        }
        for (int id : tokens) {
            if (id < 0 || id >= vocabularySize) {
                throw new IllegalArgumentException(
                        "item " + index + ": token " + id + " (expected: 0.." + (vocabularySize - 1) + ")");
            }
        }
        int previous = -1;
        for (int position : positions) {
            if (position <= previous || position >= length) {
                throw new IllegalArgumentException("item " + index + ": position " + position + " after " + previous
                        + " (expected: ascending, 0.." + (length - 1) + ")");
            }
            previous = position;
        }
    }
}
