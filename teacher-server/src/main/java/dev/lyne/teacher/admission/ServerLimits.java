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
 * @param maxSequenceEntries most entries of a sequence's rows
 * @param maxServerUnsentBytes bytes of rows that may be computed or wait for their readers, over all streams
 * @param maxStreamsPerConnection most calls of a connection
 * @param maxConnections most connections
 */
public record ServerLimits(
        int maxInFlightSequences,
        long maxInFlightTokens,
        long maxUnsentBytes,
        int maxK,
        int maxTemperatures,
        int maxBlockBytes,
        long maxQueuedTokens,
        long maxSequenceEntries,
        long maxServerUnsentBytes,
        int maxStreamsPerConnection,
        int maxConnections) {
    /** Most metadata of a call, in bytes. */
    public static final int MAX_METADATA_BYTES = 1 << 14;

    /** Most bytes that a message adds to the block that it carries. */
    public static final int MESSAGE_BYTES_BESIDE_BLOCK = 1 << 10;

    /** Limits that suit one teacher and a few dozen students in the heap that there is. */
    public static final ServerLimits DEFAULT = new ServerLimits(
            256,
            1 << 16,
            16 << 20,
            1 << 16,
            16,
            1 << 20,
            1 << 22,
            Math.min(1 << 28, Runtime.getRuntime().maxMemory() / 128),
            Runtime.getRuntime().maxMemory() / 4,
            256,
            512);

    public ServerLimits {
        require("in-flight sequences", maxInFlightSequences, Integer.MAX_VALUE);
        require("in-flight tokens", maxInFlightTokens, Long.MAX_VALUE);
        require("unsent bytes", maxUnsentBytes, Long.MAX_VALUE);
        require("max k", maxK, 1 << 20);
        require("max temperatures", maxTemperatures, 64);
        require("block bytes", maxBlockBytes, 1 << 20);
        require("queued tokens", maxQueuedTokens, Long.MAX_VALUE);
        require("sequence entries", maxSequenceEntries, 1 << 28);
        require("unsent bytes of the server", maxServerUnsentBytes, Long.MAX_VALUE);
        require("streams per connection", maxStreamsPerConnection, Integer.MAX_VALUE);
        require("connections", maxConnections, Integer.MAX_VALUE);
    }

    /** Returns these limits, but for those of a stream. */
    public ServerLimits withStream(int inFlightSequences, long inFlightTokens, long unsentBytes) {
        return new ServerLimits(
                inFlightSequences,
                inFlightTokens,
                unsentBytes,
                maxK,
                maxTemperatures,
                maxBlockBytes,
                maxQueuedTokens,
                maxSequenceEntries,
                maxServerUnsentBytes,
                maxStreamsPerConnection,
                maxConnections);
    }

    /** Returns these limits, but for those of rows. */
    public ServerLimits withRows(int k, int temperatures, int blockBytes) {
        return new ServerLimits(
                maxInFlightSequences,
                maxInFlightTokens,
                maxUnsentBytes,
                k,
                temperatures,
                blockBytes,
                maxQueuedTokens,
                maxSequenceEntries,
                maxServerUnsentBytes,
                maxStreamsPerConnection,
                maxConnections);
    }

    /** Returns these limits, but for the tokens that are admitted and unanswered. */
    public ServerLimits withQueuedTokens(long queuedTokens) {
        return new ServerLimits(
                maxInFlightSequences,
                maxInFlightTokens,
                maxUnsentBytes,
                maxK,
                maxTemperatures,
                maxBlockBytes,
                queuedTokens,
                maxSequenceEntries,
                maxServerUnsentBytes,
                maxStreamsPerConnection,
                maxConnections);
    }

    /** Returns these limits, but for those of the whole server. */
    public ServerLimits withServer(long unsentBytes, int streamsPerConnection, int connections) {
        return new ServerLimits(
                maxInFlightSequences,
                maxInFlightTokens,
                maxUnsentBytes,
                maxK,
                maxTemperatures,
                maxBlockBytes,
                maxQueuedTokens,
                maxSequenceEntries,
                unsentBytes,
                streamsPerConnection,
                connections);
    }

    private static void require(String name, long value, long max) {
        if (value < 1 || value > max) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: 1.." + max + ")");
        }
    }
}
