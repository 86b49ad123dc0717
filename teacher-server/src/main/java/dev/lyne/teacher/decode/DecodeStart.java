package dev.lyne.teacher.decode;

/**
 * A sequence that joins a session.
 *
 * @param sequence its number in the session
 * @param key tells its text from others of the seed
 * @param tokens the prompt, and what is known behind it
 * @param promptTokens how many of them are the prompt
 * @param draws tokens to be drawn at once
 * @param quotaPositions what was taken of its tenant's quota for it
 */
@SuppressWarnings("ArrayRecordComponent") // contents are never compared
public record DecodeStart(int sequence, long key, int[] tokens, int promptTokens, int draws, long quotaPositions) {
    /** A sequence that no quota has paid for. */
    public DecodeStart(int sequence, long key, int[] tokens, int promptTokens, int draws) {
        this(sequence, key, tokens, promptTokens, draws, 0);
    }

    /** The same, for which a tenant's quota has paid. */
    public DecodeStart paidWith(long positions) {
        return new DecodeStart(sequence, key, tokens, promptTokens, draws, positions);
    }
}
