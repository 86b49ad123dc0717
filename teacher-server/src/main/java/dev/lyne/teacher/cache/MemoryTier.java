package dev.lyne.teacher.cache;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Optional;

/** Encoded rows of all teachers in memory, bounded by bytes. Safe for several threads. */
public final class MemoryTier {
    /** What an entry costs beyond its bytes and positions: objects, key, tables. An estimate. */
    private static final int OVERHEAD_BYTES = 256;

    private record Entry(Holdings holds, EncodedSequence rows) {
        int weight() {
            return (int) Math.min(Integer.MAX_VALUE, OVERHEAD_BYTES + 4L * holds.positions().length + rows.bytes());
        }
    }

    private final Cache<CacheKey, Entry> entries;

    /** @param maxBytes bytes of blocks kept, with what keeping them costs; 0 keeps none */
    public MemoryTier(long maxBytes, MeterRegistry registry) {
        if (maxBytes < 0) {
            throw new IllegalArgumentException("memory cache bytes: " + maxBytes + " (expected: 0 or more)");
        }
        this.entries = Caffeine.newBuilder()
                .maximumWeight(maxBytes)
                .weigher((CacheKey key, Entry entry) -> entry.weight())
                .executor(Runnable::run)
                .recordStats()
                .build();
        Gauge.builder("lyne.teacher.cache.bytes", this::bytes)
                .description("Bytes of blocks in memory, with what keeping them costs")
                .register(registry);
        Gauge.builder("lyne.teacher.cache.entries", entries, Cache::estimatedSize)
                .description("Sequences in memory")
                .register(registry);
        FunctionCounter.builder(
                        "lyne.teacher.cache.evictions",
                        entries,
                        cache -> cache.stats().evictionCount())
                .description("Sequences evicted from memory")
                .register(registry);
    }

    /** Bytes held now. */
    public long bytes() {
        return entries.policy().eviction().orElseThrow().weightedSize().orElse(0);
    }

    Optional<EncodedSequence> find(CacheKey key, Holdings wanted) {
        return Optional.ofNullable(entries.getIfPresent(key))
                .filter(entry -> Holdings.contains(entry.holds(), wanted))
                .map(Entry::rows);
    }

    /** Keeps rows in the place of what was kept under the key: what was asked for last is what will be asked for next. */
    void keep(CacheKey key, Holdings holds, EncodedSequence rows) {
        entries.put(key, new Entry(holds, rows));
    }
}
