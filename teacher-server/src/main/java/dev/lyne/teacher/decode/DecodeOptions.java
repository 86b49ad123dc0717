package dev.lyne.teacher.decode;

import java.time.Duration;

/**
 * How a server decodes.
 *
 * @param maxCacheBytes most memory of keys and values, over all sessions; 0 where the server does not decode
 * @param batchTime how long a scoring forward may take while sequences wait to be decoded
 * @param idleTime how long a session may be owed nothing and say nothing
 * @param maxSequences most sequences of a session
 * @param maxTokens most tokens of a session's sequences
 * @param maxServerTokens most tokens of all sessions' sequences
 */
public record DecodeOptions(
        long maxCacheBytes,
        Duration batchTime,
        Duration idleTime,
        int maxSequences,
        long maxTokens,
        long maxServerTokens) {
    /** Memory of keys and values where none is named, and there is enough. */
    public static final long USUAL_CACHE_BYTES = 1L << 30;

    /** Options that suit a small machine. */
    public static final DecodeOptions DEFAULT = new DecodeOptions(
            USUAL_CACHE_BYTES, Duration.ofMillis(50), Duration.ofSeconds(300), 1_024, 1 << 20, 1 << 22);

    public DecodeOptions {
        if (maxCacheBytes < 0) {
            throw new IllegalArgumentException("kv cache bytes: " + maxCacheBytes + " (expected: 0 or more)");
        }
        requirePositive("decode batch time", batchTime);
        requirePositive("decode idle time", idleTime);
        if (maxSequences < 1 || maxTokens < 1 || maxServerTokens < 1) {
            throw new IllegalArgumentException("decode sequences: " + maxSequences + ", tokens: " + maxTokens
                    + ", of the server: " + maxServerTokens + " (expected: 1 or more of each)");
        }
    }

    /** Returns the memory of keys and values where none is named, of a process that has so much: an eighth at most. */
    public static long usualCacheBytes(long availableBytes) {
        return Math.min(USUAL_CACHE_BYTES, availableBytes / 8);
    }

    /** Returns these options with other memory and times. */
    public DecodeOptions with(long cacheBytes, Duration batch, Duration idle) {
        return new DecodeOptions(cacheBytes, batch, idle, maxSequences, maxTokens, maxServerTokens);
    }

    private static void requirePositive(String what, Duration duration) {
        if (duration.isNegative() || duration.isZero()) {
            throw new IllegalArgumentException(what + ": " + duration + " (expected: above 0)");
        }
    }
}
