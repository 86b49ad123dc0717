package dev.lyne.student.train;

/**
 * What a policy's loss reads of tokens that were drawn, one number for each position of their window: the advantage; the log-probability
 * by the student that drew; the log-probability by the proposal, nats, at temperature 1 where nothing else was asked.
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
record OwnTokens(double[] advantages, double[] oldLogProbabilities, double[] proposalLogProbabilities) {}
