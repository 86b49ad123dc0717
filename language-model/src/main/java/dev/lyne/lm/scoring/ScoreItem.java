package dev.lyne.lm.scoring;

/**
 * One sequence to score.
 *
 * @param tokens x_0 to x_{n−1}
 * @param positions wanted positions, ascending, each in 0..n−1
 */
@SuppressWarnings("ArrayRecordComponent") // identity is what callers need; contents are never compared
public record ScoreItem(int[] tokens, int[] positions) {}
