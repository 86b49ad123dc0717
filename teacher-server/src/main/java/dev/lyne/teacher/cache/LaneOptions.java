package dev.lyne.teacher.cache;

import java.time.Duration;

/**
 * How much of a slower tier is used at a time.
 *
 * @param lookupThreads lookups at a time
 * @param longestTurn how long a lookup waits for its turn before the tier is passed over
 * @param longestLookup how long a lookup may take, its turn included, before the tier is passed over, and others with
 *     it until it comes back
 * @param maxUnwrittenBytes most bytes of rows that wait to be written
 */
public record LaneOptions(int lookupThreads, Duration longestTurn, Duration longestLookup, long maxUnwrittenBytes) {
    /** Bound of a lookup that a tier bounds itself, or that is worth nearly any wait: beyond it something hangs. */
    public static final Duration USUAL_LOOKUP = Duration.ofSeconds(5);

    /** Turn of a tier whose lookups are worth any wait: it is faster than a forward, and nobody else slows it down. */
    public static final Duration ANY_TURN = Duration.ofNanos(Long.MAX_VALUE);

    public LaneOptions {
        if (lookupThreads < 1) {
            throw new IllegalArgumentException("lookup threads: " + lookupThreads + " (expected: 1 or more)");
        }
        if (longestTurn.isNegative()) {
            throw new IllegalArgumentException("longest turn: " + longestTurn + " (expected: 0 or more)");
        }
        if (longestLookup.isNegative() || longestLookup.isZero()) {
            throw new IllegalArgumentException("longest lookup: " + longestLookup + " (expected: above 0)");
        }
        if (maxUnwrittenBytes < 1) {
            throw new IllegalArgumentException("unwritten bytes: " + maxUnwrittenBytes + " (expected: 1 or more)");
        }
    }
}
