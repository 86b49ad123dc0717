package dev.lyne.student.train;

/**
 * Drawn tokens as a policy's loss reads them, one number for each position of their window: the advantage; the
 * log-probability by the student that drew; the log-probability by the proposal, nats, at temperature 1 where nothing
 * else was asked.
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
record OwnTokens(double[] advantages, double[] oldLogProbabilities, double[] proposalLogProbabilities) {}
