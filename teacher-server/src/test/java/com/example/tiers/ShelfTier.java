package com.example.tiers;

import dev.lyne.teacher.cache.LaneOptions;
import dev.lyne.teacher.cache.Tier;
import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.TierOptions;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** A tier of somebody's own: all rows that it was ever given, in a map that outlives the server. Its options open it. */
public record ShelfTier(Map<CacheKey, StoredRows> shelf) implements Tier, TierOptions {
    /** An empty shelf. */
    public ShelfTier() {
        this(new ConcurrentHashMap<>());
    }

    @Override
    public String name() {
        return "shelf";
    }

    @Override
    public int lookupThreads() {
        return 1;
    }

    @Override
    public Duration longestTurn() {
        return LaneOptions.ANY_TURN;
    }

    @Override
    public Tier open(TierMetrics metrics) {
        return this;
    }

    @Override
    public Optional<StoredRows> find(RowsQuery query) {
        return Optional.ofNullable(shelf.get(query.key()));
    }

    @Override
    public void keep(CacheKey key, StoredRows rows) {
        shelf.put(key, rows);
    }

    @Override
    public void close() {}
}
