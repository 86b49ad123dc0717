package dev.lyne.teacher.model;

/**
 * Outcome of a {@link Continuation}, checked against it.
 *
 * @param taken log-probabilities of the tokens that were owed them
 * @param drawn the tokens drawn, as many as were asked for, or fewer of which the last is a stop token
 * @param drawnLogProbabilities of those
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier; contents are never compared
public record Continued(double[] taken, int[] drawn, double[] drawnLogProbabilities) {}
