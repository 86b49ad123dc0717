package dev.lyne.teacher.cache;

import java.time.Duration;

/** A tier below memory that a server is to have: how it is opened, and how much of it is used at a time. */
public interface TierOptions {
    /** Returns the opened tier's {@link Tier#name}, before there is one. */
    String name();

    /** Lookups at a time, 1 or more: each takes a thread of its own. */
    int lookupThreads();

    /** How long a lookup waits for its turn before the tier is passed over; {@link LaneOptions#ANY_TURN} where it is worth any wait. */
    Duration longestTurn();

    /**
     * How long a lookup may take, its turn included: then the tier is passed over, and so it is for others until what
     * hangs comes back. Longer than any that does not hang.
     */
    default Duration longestLookup() {
        return LaneOptions.USUAL_LOOKUP;
    }

    /**
     * Opens the tier, which the caller closes.
     *
     * @throws IllegalArgumentException where what the options name cannot be used
     */
    Tier open(TierMetrics metrics) throws InterruptedException;
}
