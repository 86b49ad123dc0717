package dev.lyne.student.rollout;

/**
 * A beginning to respond to.
 *
 * @param key what the randomness of its response depends on beside the seed; another in each phase
 * @param tokens token ids, at least one
 * @param reference what the corpus goes on with
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
public record Prompt(long key, int[] tokens, int[] reference) {}
