package dev.lyne.student.rollout;

import java.util.Arrays;

/**
 * A beginning to respond to.
 *
 * @param key what the randomness of its response depends on beside the seed; another in each phase
 * @param tokens token ids, at least one
 * @param reference what the corpus goes on with
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
public record Prompt(long key, int[] tokens, int[] reference) {
    /**
     * The prompt of a window: what precedes its first token with loss, where that is more than one token (a record's own prompt), else its
     * first tokens.
     *
     * @param firstPosition the first position with loss
     * @param plainTokens tokens of a window without a prompt of its own, of which at most half is taken
     */
    public static Prompt of(long key, int[] window, int firstPosition, int plainTokens) {
        int length = firstPosition > 0 ? firstPosition + 1 : Math.max(1, Math.min(plainTokens, window.length / 2));
        return new Prompt(key, Arrays.copyOf(window, length), Arrays.copyOfRange(window, length, window.length));
    }
}
