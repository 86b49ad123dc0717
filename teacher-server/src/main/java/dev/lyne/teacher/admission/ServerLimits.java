package dev.lyne.teacher.admission;

/**
 * Bounds of what the server takes on.
 *
 * @param maxInFlightSequences most sequences of a stream in flight
 * @param maxInFlightTokens most tokens of a stream in flight
 * @param maxUnsentBytes most bytes of rows that a stream may have waiting in the server; a selection with long rows is
 *     granted fewer tokens, so that a reader that stalls holds no more than this, or than one sequence's rows
 * @param maxK most entries of a row
 * @param maxTemperatures most temperatures of a selection
 * @param maxBlockBytes largest block
 * @param maxQueuedTokens most tokens admitted and unanswered, over all streams
 */
public record ServerLimits(
        int maxInFlightSequences,
        long maxInFlightTokens,
        long maxUnsentBytes,
        int maxK,
        int maxTemperatures,
        int maxBlockBytes,
        long maxQueuedTokens) {
    /** What suits one teacher and a few dozen students. */
    public static final ServerLimits DEFAULT = new ServerLimits(256, 1 << 16, 16 << 20, 1 << 16, 16, 1 << 20, 1 << 22);

    public ServerLimits {
        require("in-flight sequences", maxInFlightSequences, Integer.MAX_VALUE);
        require("in-flight tokens", maxInFlightTokens, Long.MAX_VALUE);
        require("unsent bytes", maxUnsentBytes, Long.MAX_VALUE);
        require("max k", maxK, 1 << 20);
        require("max temperatures", maxTemperatures, 64);
        require("block bytes", maxBlockBytes, 1 << 20);
        require("queued tokens", maxQueuedTokens, Long.MAX_VALUE);
    }

    private static void require(String name, long value, long max) {
        if (value < 1 || value > max) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: 1.." + max + ")");
        }
    }
}
