package dev.lyne.load.profile;

/**
 * A sequence to ask for, ready to be sent.
 *
 * @param tokens number of tokens
 * @param rows number of rows wanted
 * @param body the contract's {@code Sequence} without its id, as protocol buffer bytes
 */
@SuppressWarnings("ArrayRecordComponent") // bytes to send; never compared
public record Request(int tokens, int rows, byte[] body) {}
