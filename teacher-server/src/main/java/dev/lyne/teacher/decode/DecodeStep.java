package dev.lyne.teacher.decode;

/**
 * What a student tells of one sequence.
 *
 * @param sequence its number in the session
 * @param taken the tokens that it took
 * @param draws tokens to be drawn next
 */
@SuppressWarnings("ArrayRecordComponent") // contents are never compared
public record DecodeStep(int sequence, int[] taken, int draws) {}
