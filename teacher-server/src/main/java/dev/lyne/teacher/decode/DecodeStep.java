package dev.lyne.teacher.decode;

/**
 * Step of one sequence, as the student tells it.
 *
 * @param sequence its number in the session
 * @param taken the tokens that it took
 * @param draws tokens to be drawn next
 */
@SuppressWarnings("ArrayRecordComponent") // contents are never compared
public record DecodeStep(int sequence, int[] taken, int draws) {}
