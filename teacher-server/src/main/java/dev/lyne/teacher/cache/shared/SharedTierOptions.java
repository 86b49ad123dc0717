package dev.lyne.teacher.cache.shared;

import dev.lyne.teacher.cache.LaneOptions;
import dev.lyne.teacher.cache.Tier;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.TierOptions;
import io.lettuce.core.RedisURI;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Options of the shared tier: its Redis server, and how much time it may cost.
 *
 * @param server the server, with its credentials
 * @param timeToLive how long an entry lives there
 * @param budget the longest that the tier holds a sequence up, waiting for its turn included
 * @param maxEntryBytes largest entry written, or read
 * @param openFor how long a server that failed is left alone before it is probed
 */
public record SharedTierOptions(
        RedisURI server, Duration timeToLive, Duration budget, int maxEntryBytes, Duration openFor)
        implements TierOptions {
    private static final int LOOKUP_THREADS = 8;
    private static final Set<String> SCHEMES = Set.of("redis", "rediss");
    private static final int DEFAULT_MAX_ENTRY_BYTES = 8 << 20;
    private static final Duration DEFAULT_OPEN_FOR = Duration.ofSeconds(5);

    public SharedTierOptions {
        requirePositive("time to live", timeToLive);
        requirePositive("budget", budget);
        requirePositive("breaker's pause", openFor);
        if (maxEntryBytes < 1) {
            throw new IllegalArgumentException("shared cache entry bytes: " + maxEntryBytes + " (expected: 1 or more)");
        }
    }

    /** Returns options with entries of up to 8 MiB, and a failed server probed every 5 s. */
    public static SharedTierOptions of(String url, Duration timeToLive, Duration budget) {
        return new SharedTierOptions(server(url), timeToLive, budget, DEFAULT_MAX_ENTRY_BYTES, DEFAULT_OPEN_FOR);
    }

    /** @throws IllegalArgumentException where the text is not the address of one Redis server */
    static RedisURI server(String url) {
        try {
            URI parsed = new URI(url);
            if (SCHEMES.contains(String.valueOf(parsed.getScheme())) && parsed.getHost() != null) {
                return RedisURI.create(parsed);
            }
        } catch (URISyntaxException | IllegalArgumentException e) {
            throw wrongUrl(url, e);
        }
        throw wrongUrl(url, null);
    }

    private static IllegalArgumentException wrongUrl(String url, @Nullable Throwable cause) {
        return new IllegalArgumentException(
                "shared cache: " + url.replaceFirst("//.*@", "//***@")
                        + " (expected: redis://HOST:PORT, or rediss://HOST:PORT for TLS, with USER:PASSWORD@ before HOST"
                        + " where the server asks for it)",
                cause);
    }

    private static void requirePositive(String name, Duration value) {
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException("shared cache " + name + ": " + value + " (expected: above 0)");
        }
    }

    @Override
    public String name() {
        return SharedTier.NAME;
    }

    @Override
    public int lookupThreads() {
        return LOOKUP_THREADS;
    }

    /** Returns the part of the budget that the call itself leaves. */
    @Override
    public Duration longestTurn() {
        return budget.minus(longestRead());
    }

    /** The call itself has its bound: what is beyond both hangs elsewhere, as where a name is resolved. */
    @Override
    public Duration longestLookup() {
        Duration twice = budget.multipliedBy(2);
        return twice.compareTo(LaneOptions.USUAL_LOOKUP) > 0 ? twice : LaneOptions.USUAL_LOOKUP;
    }

    @Override
    public Tier open(TierMetrics metrics) throws InterruptedException {
        return SharedTier.open(this, metrics);
    }

    /** How long a lookup's call may take: half of the budget. */
    Duration longestRead() {
        return budget.dividedBy(2);
    }

    /** Returns the address of the server, without its credentials. */
    String address() {
        return server.getHost() + ":" + server.getPort();
    }
}
