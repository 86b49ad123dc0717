package dev.lyne.teacher.cache.disk;

import dev.lyne.teacher.cache.LaneOptions;
import dev.lyne.teacher.cache.Tier;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.TierOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Where and how much is kept on disk.
 *
 * @param directory a directory of this server's own; made where there is none
 * @param maxBytes most bytes of its files
 * @param retryAfter how long the tier stays off after a failed write before it is tried again
 */
public record DiskTierOptions(Path directory, long maxBytes, Duration retryAfter) implements TierOptions {
    private static final int LOOKUP_THREADS = 2;

    /** Least of {@code maxBytes}: 4 MiB. */
    public static final long MIN_BYTES = 4L << 20;

    /**
     * Checks the values, and that the directory is there and can be written.
     *
     * @throws IllegalArgumentException with the value and the expectation
     */
    public DiskTierOptions {
        if (maxBytes < MIN_BYTES) {
            throw new IllegalArgumentException(
                    "disk cache bytes: " + maxBytes + " (expected: " + MIN_BYTES + " or more)");
        }
        if (retryAfter.isNegative()) {
            throw new IllegalArgumentException("disk cache retry: " + retryAfter + " (expected: 0 or more)");
        }
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw notWritable(directory, e);
        }
        if (!Files.isWritable(directory)) {
            throw notWritable(directory, null);
        }
    }

    /** Returns options by which the tier is tried again half a minute after a failed write. */
    public static DiskTierOptions of(Path directory, long maxBytes) {
        return new DiskTierOptions(directory, maxBytes, Duration.ofSeconds(30));
    }

    @Override
    public String name() {
        return DiskTier.NAME;
    }

    @Override
    public int lookupThreads() {
        return LOOKUP_THREADS;
    }

    @Override
    public Duration longestTurn() {
        return LaneOptions.ANY_TURN;
    }

    @Override
    public Tier open(TierMetrics metrics) {
        return DiskTier.open(this, System::nanoTime, metrics);
    }

    static IllegalArgumentException notWritable(Path directory, @Nullable Throwable cause) {
        return new IllegalArgumentException(
                "disk cache: " + directory + " (expected: a directory that this server can write)", cause);
    }
}
