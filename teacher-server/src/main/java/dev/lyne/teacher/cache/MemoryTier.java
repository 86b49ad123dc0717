package dev.lyne.teacher.cache;

import static dev.lyne.teacher.score.RowStore.MEMORY;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Optional;

/** Encoded rows of one teacher in memory, bounded by bytes. Safe for several threads; never blocks. */
final class MemoryTier implements Tier {
    /** Estimated bytes of an entry beyond its block and positions: objects, key, tables. */
    private static final int OVERHEAD_BYTES = 256;

    private final Cache<CacheKey, StoredRows> entries;
    private final TierMetrics metrics;

    /** @param maxBytes bytes of blocks kept, with what keeping them costs; 0 keeps none */
    MemoryTier(long maxBytes, MeterRegistry registry) {
        if (maxBytes < 0) {
            throw new IllegalArgumentException("memory cache bytes: " + maxBytes + " (expected: 0 or more)");
        }
        Counter evictions = Counter.builder("lyne.teacher.tier.evictions")
                .description("Sequences evicted")
                .tag("tier", MEMORY)
                .register(registry);
        this.entries = Caffeine.newBuilder()
                .maximumWeight(maxBytes)
                .weigher((CacheKey key, StoredRows rows) -> weight(rows))
                .executor(Runnable::run)
                .evictionListener((key, rows, cause) -> evictions.increment())
                .build();
        this.metrics = new TierMetrics(registry, MEMORY);
    }

    private static int weight(StoredRows rows) {
        return (int) Math.min(Integer.MAX_VALUE, OVERHEAD_BYTES + rows.holds().bytes() + rows.bytes());
    }

    /** Bytes held now. */
    long bytes() {
        return entries.policy().eviction().orElseThrow().weightedSize().orElse(0);
    }

    /** Sequences held now. */
    long entries() {
        return entries.estimatedSize();
    }

    /** Most bytes held. */
    long maxBytes() {
        return entries.policy().eviction().orElseThrow().getMaximum();
    }

    /** Holds so much from now on; what is beyond it goes. */
    void resize(long maxBytes) {
        entries.policy().eviction().orElseThrow().setMaximum(maxBytes);
    }

    @Override
    public String name() {
        return MEMORY;
    }

    @Override
    public Optional<StoredRows> find(RowsQuery query) {
        Optional<StoredRows> found = Optional.ofNullable(entries.getIfPresent(query.key()));
        found.filter(stored -> query.answeredBy(stored.holds()))
                .ifPresentOrElse(stored -> metrics.hit(stored.bytes()), metrics::missed);
        return found;
    }

    @Override
    public void keep(CacheKey key, StoredRows rows) {
        entries.put(key, rows);
        metrics.wrote(rows.bytes());
    }

    /** Keeps rows, and says so, unless what is held contains them: wider rows stay, and what is narrower gives way. */
    boolean keepUnlessContained(RowsQuery query, StoredRows rows) {
        StoredRows kept = entries.asMap()
                .merge(query.key(), rows, (held, given) -> query.contains(held.holds(), given.holds()) ? held : given);
        if (kept == rows) {
            metrics.wrote(rows.bytes());
        }
        return kept == rows;
    }

    @Override
    public void close() {
        entries.invalidateAll();
    }
}
