package dev.lyne.student.client;

import dev.lyne.wire.Positions;

/**
 * A sequence to get targets for.
 *
 * @param id the student's own name for it, as its index in corpus order; shown in errors, need not be unique
 * @param tokens x_0 to x_{n−1}, n at least 1; not to be changed any more
 * @param positions wanted positions, ascending, at least one, each in 0..n−1; not to be changed any more
 */
@SuppressWarnings("ArrayRecordComponent") // identity is what callers need; contents are never compared
public record TargetSequence(long id, int[] tokens, int[] positions) {
    public TargetSequence {
        if (tokens.length == 0) {
            throw new IllegalArgumentException("sequence " + id + ": 0 tokens (expected: at least 1)");
        }
        if (positions.length == 0) {
            throw new IllegalArgumentException("sequence " + id + ": 0 positions (expected: at least 1)");
        }
        int least = 0;
        for (int position : positions) {
            if (position < least || position >= tokens.length) {
                throw new IllegalArgumentException("sequence " + id + ": position " + position
                        + " (expected: ascending, " + least + ".." + (tokens.length - 1) + ")");
            }
            least = position + 1;
        }
    }

    /** A sequence of at least two tokens with every position that has a data token, 0 to n − 2. */
    public static TargetSequence whole(long id, int[] tokens) {
        if (tokens.length < 2) {
            throw new IllegalArgumentException(
                    "sequence " + id + ": " + tokens.length + " tokens (expected: at least 2)");
        }
        return new TargetSequence(id, tokens, Positions.withData(tokens.length));
    }
}
