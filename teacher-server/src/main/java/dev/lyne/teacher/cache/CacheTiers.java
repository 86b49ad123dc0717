package dev.lyne.teacher.cache;

import java.util.ArrayList;
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

    /** What memory holds under a query's key, whether or not it answers the query. Never blocks. */
    Optional<StoredRows> findInMemory(RowsQuery query) {
        return memory.find(query);
    }

    /**
     * Searches the tiers below memory, one after the other. Never blocks; where there are none, the lookup is told before this
     * returns.
     */
    void search(Lookup lookup) {
        search(lookup, 0, List.of());
    }

    private void search(Lookup lookup, int tier, List<StoredRows> others) {
        if (tier == slower.size()) {
            lookup.absent(others);
            return;
        }
        slower.get(tier).find(lookup, found -> {
            if (found.isPresent() && lookup.query().answeredBy(found.get().holds())) {
                keepAbove(tier, lookup.query(), found.get());
                lookup.found(found.get(), slower.get(tier).origin());
            } else {
                List<StoredRows> seen = new ArrayList<>(others);
                found.ifPresent(seen::add);
                search(lookup, tier + 1, seen);
            }
        });
    }

    /** Keeps computed rows in memory at once, and in the slower tiers soon. Never blocks. */
    void keep(RowsQuery query, StoredRows rows) {
        keepAbove(slower.size(), query, rows);
    }

    /** Rows that others in memory contain are kept nowhere: these are, or will be, wherever they would be. */
    private void keepAbove(int tier, RowsQuery query, StoredRows rows) {
        if (memory.keepUnlessContained(query, rows)) {
            for (TierLane faster : slower.subList(0, tier)) {
                faster.keep(query.key(), rows);
            }
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
