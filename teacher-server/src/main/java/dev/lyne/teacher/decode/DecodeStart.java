package dev.lyne.teacher.decode;

/**
 * A sequence that joins a session.
 *
 * @param sequence its number in the session
 * @param key tells its text from others of the seed
 * @param tokens the prompt, and what is known behind it
 * @param promptTokens how many of them are the prompt
 * @param draws tokens to be drawn at once
 */
@SuppressWarnings("ArrayRecordComponent") // contents are never compared
public record DecodeStart(int sequence, long key, int[] tokens, int promptTokens, int draws) {}
