package dev.lyne.teacher.score;

/**
 * A target block as it travels.
 *
 * @param firstPosition position of its first row
 * @param rows number of rows
 * @param bytes the block; never changed once made, so that it can be sent without a copy
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of bytes; contents are never compared
public record EncodedBlock(int firstPosition, int rows, byte[] bytes) {}
