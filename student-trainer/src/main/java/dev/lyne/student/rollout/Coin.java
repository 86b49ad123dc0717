package dev.lyne.student.rollout;

import dev.lyne.wire.draw.SeededUniforms;

/**
 * The student's coin: whose draw each token of a response is.
 *
 * @param share of the tokens that are the teacher's, 0 to 1
 */
public record Coin(long seed, double share) {
    /** Whether the teacher draws the token at that place of the response to the prompt of that key. */
    public boolean isTeachers(long key, int place) {
        return SeededUniforms.STUDENT_COIN.at(seed, key, place) < share;
    }
}
