package dev.lyne.load.proxy;

/**
 * Counts of what a proxy carried and did so far.
 *
 * @param bytesToTarget carried to the target
 * @param bytesFromTarget carried from it
 * @param standing connections that stand now
 * @param ended connections that have ended, whoever ended them
 * @param cut connections that ended within a piece of the target's
 * @param changed pieces with a bit turned over
 * @param swallowed bytes that went into connections through which nothing passes
 */
public record ProxyCounts(
        long bytesToTarget, long bytesFromTarget, long standing, long ended, long cut, long changed, long swallowed) {
    /** Bytes carried in both directions. */
    public long bytes() {
        return bytesToTarget + bytesFromTarget;
    }
}
