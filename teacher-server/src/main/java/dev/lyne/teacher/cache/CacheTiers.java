package dev.lyne.teacher.cache;

import java.util.List;
import java.util.Optional;

/**
 * The tiers of all teachers, fastest first: memory, which is asked on the spot, and slower ones, which are asked on threads of
 * their own. Rows found in one are kept in all faster ones. Safe for several threads.
 */
public final class CacheTiers {
    private final MemoryTier memory;
    private final List<TierLane> slower;

    /** @param slower fastest first */
    public CacheTiers(MemoryTier memory, List<TierLane> slower) {
        this.memory = memory;
        this.slower = List.copyOf(slower);
    }

    /** Looks in memory. Never blocks. */
    Optional<StoredRows> findInMemory(RowsQuery query) {
        return memory.find(query);
    }

    /**
     * Searches the tiers below memory, one after the other. Never blocks; where there are none, the lookup is told before this
     * returns.
     */
    void search(Lookup lookup) {
        search(lookup, 0);
    }

    private void search(Lookup lookup, int tier) {
        if (tier == slower.size()) {
            lookup.absent();
            return;
        }
        slower.get(tier).find(lookup, found -> {
            if (found.isPresent()) {
                keepAbove(tier, lookup.query().key(), found.get());
                lookup.found(found.get(), slower.get(tier).origin());
            } else {
                search(lookup, tier + 1);
            }
        });
    }

    /** Keeps rows in memory at once, and in the slower tiers soon. Never blocks. */
    void keep(CacheKey key, StoredRows rows) {
        keepAbove(slower.size(), key, rows);
    }

    private void keepAbove(int tier, CacheKey key, StoredRows rows) {
        memory.keep(key, rows);
        for (TierLane faster : slower.subList(0, tier)) {
            faster.keep(key, rows);
        }
    }

    /** Lets what waits be written until the time has come, then closes every tier. */
    public void close(long endNanos) throws InterruptedException {
        for (TierLane lane : slower) {
            lane.close(endNanos);
        }
        memory.close();
    }
}
