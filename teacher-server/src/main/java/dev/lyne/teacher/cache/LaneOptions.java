package dev.lyne.teacher.cache;

import java.time.Duration;

/**
 * How much of a slower tier is used at a time.
 *
 * @param lookupThreads lookups at a time
 * @param longestTurn how long a lookup waits for its turn before the tier is passed over
 * @param maxUnwrittenBytes most bytes of rows that wait to be written
 */
public record LaneOptions(int lookupThreads, Duration longestTurn, long maxUnwrittenBytes) {
    /** Turn of a tier whose lookups are worth any wait: it is faster than a forward, and nobody else slows it down. */
    public static final Duration ANY_TURN = Duration.ofNanos(Long.MAX_VALUE);

    public LaneOptions {
        if (lookupThreads < 1) {
            throw new IllegalArgumentException("lookup threads: " + lookupThreads + " (expected: 1 or more)");
        }
        if (longestTurn.isNegative()) {
            throw new IllegalArgumentException("longest turn: " + longestTurn + " (expected: 0 or more)");
        }
        if (maxUnwrittenBytes < 1) {
            throw new IllegalArgumentException("unwritten bytes: " + maxUnwrittenBytes + " (expected: 1 or more)");
        }
    }
}
