package dev.lyne.client;

import java.util.Arrays;

/**
 * A text that a teacher decodes, as the student knows it. What a server was told of it belongs to one call: on the next one it starts with all
 * tokens that were answered, and takes the others again. Owned by its decoder's thread.
 */
final class DecodedText {
    /** Not known to the call's server. */
    static final int NO_NUMBER = -1;

    final long key;
    final int promptTokens;
    private int[] tokens;
    private int size;

    /** Tokens whose log-probabilities have come, or were never owed. */
    int answered;

    /** Draws that are owed. */
    int draws;

    /** The student has ended it. */
    boolean last;

    /** Number of the text on its call. */
    int number = NO_NUMBER;

    /** Tokens that the call's server knows. */
    int told;

    /** Whether something is to be said of it. */
    boolean dirty;

    /** Time at which it is to be started again after a refusal. */
    long restartNanos;

    int failures;

    DecodedText(long key, int[] prompt, int draws) {
        this.key = key;
        this.promptTokens = prompt.length;
        this.tokens = prompt.clone();
        this.size = prompt.length;
        this.answered = size;
        this.draws = draws;
    }

    int size() {
        return size;
    }

    int token(int position) {
        return tokens[position];
    }

    int[] tokens(int from, int to) {
        return Arrays.copyOfRange(tokens, from, to);
    }

    void append(int id) {
        if (size == tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(16, size + size / 2));
        }
        tokens[size++] = id;
    }

    /** Whether an answer is to come. */
    boolean isOwed() {
        return answered < size || draws > 0 || last;
    }

    /** Forgets what the call's server was told. */
    void callLost() {
        number = NO_NUMBER;
        told = 0;
        dirty = isOwed();
    }
}
