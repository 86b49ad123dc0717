package dev.lyne.teacher.model;

import java.util.Set;

/**
 * Continuation that a text is owed: the log-probabilities of its last tokens, and tokens drawn behind them from the
 * teacher's own distribution.
 *
 * @param tokens all tokens of the text so far, at least one
 * @param from those from here on are owed their log-probabilities at temperature 1; 1 or more, {@code tokens.length} where none is
 * @param draws most tokens to be drawn; 0: none
 * @param seed of the draws, from 0, below 2^53
 * @param stopIds tokens that end a run of draws, whose last they are
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; contents are never compared
public record Continuation(int[] tokens, int from, int draws, long seed, Set<Integer> stopIds) {
    public Continuation {
        if (from < 1 || from > tokens.length || draws < 0 || (from == tokens.length && draws == 0)) {
            throw new IllegalArgumentException("tokens from " + from + " of " + tokens.length + ", draws: " + draws
                    + " (expected: from 1 on, and something that is owed)");
        }
        stopIds = Set.copyOf(stopIds);
    }

    /** How many of its tokens are owed their log-probabilities. */
    public int taken() {
        return tokens.length - from;
    }
}
