package dev.lyne.client;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** Delays that double from the first to the longest, each drawn from its upper half. Guarded by its owner's lock. */
final class Backoff {
    private static final int LONG = 3;

    private final long firstNanos;
    private final long maxNanos;
    private final RandomGenerator random;
    private int failures;

    Backoff(Duration first, Duration max, RandomGenerator random) {
        this.firstNanos = first.toNanos();
        this.maxNanos = max.toNanos();
        this.random = random;
    }

    /** The delay before the next attempt, in nanoseconds. */
    long nextNanos() {
        double ceiling = Math.min(maxNanos, firstNanos * Math.pow(2, failures));
        failures = Math.min(failures + 1, 62);
        return (long) (ceiling * (0.5 + 0.5 * random.nextDouble()));
    }

    /** The delay where asking again soon is in vain: three times the longest, in nanoseconds. */
    long longNanos() {
        return (long) (LONG * maxNanos * (0.5 + 0.5 * random.nextDouble()));
    }

    /** Starts over after a success. */
    void reset() {
        failures = 0;
    }
}
