package dev.lyne.row;

/**
 * New tokens of a sequence, and what is asked of the distributions after them.
 *
 * @param tokens at least one
 * @param labels for each of the tokens what is asked of the distribution of the token after it: that token, for its log-probabilities;
 *     {@link #DRAW}, after the last token only; or {@link #NOTHING}
 * @param uniform number that decides the draw; in [0, 1)
 * @param proposal what is drawn from, and the second log-probability is of
 */
@SuppressWarnings("ArrayRecordComponent") // contents are never compared
public record DecodeItem(int[] tokens, int[] labels, double uniform, Proposal proposal) {
    /** Label that asks for a draw. */
    public static final int DRAW = -1;

    /** Label that asks for nothing. */
    public static final int NOTHING = -2;

    public DecodeItem {
        if (tokens.length < 1 || labels.length != tokens.length) {
            throw new IllegalArgumentException("tokens: " + tokens.length + ", labels: " + labels.length
                    + " (expected: at least one token, and a label for each)");
        }
        for (int i = 0; i < labels.length - 1; i++) {
            if (labels[i] == DRAW) {
                throw new IllegalArgumentException("labels[" + i + "]: a draw (expected: after the last token only)");
            }
        }
        if (!(uniform >= 0 && uniform < 1)) {
            throw new IllegalArgumentException("uniform: " + uniform + " (expected: from 0, below 1)");
        }
    }
}
