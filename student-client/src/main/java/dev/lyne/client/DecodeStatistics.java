package dev.lyne.client;

/**
 * Counts of what a decoding has carried, over all its calls.
 *
 * @param draws tokens that the teacher drew
 * @param taken tokens that the student took and the teacher answered
 * @param requests times that a text was waited for: each a way there and back
 * @param sentBytes bytes of the messages sent, with the 5 that gRPC puts before each
 * @param receivedBytes bytes of the messages received, likewise
 * @param calls calls that were opened
 */
public record DecodeStatistics(long draws, long taken, long requests, long sentBytes, long receivedBytes, int calls) {}
