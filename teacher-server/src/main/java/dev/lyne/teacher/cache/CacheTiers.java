package dev.lyne.teacher.cache;

import dev.lyne.teacher.score.Lookup;
import dev.lyne.teacher.score.RowStore;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The tiers of one teacher, fastest first: memory, which is asked on the spot, and slower ones, which are asked on threads of
 * their own. Rows found in one are kept in all faster ones. Safe for several threads.
 */
public final class CacheTiers implements RowStore {
    /**
     * A tier below memory.
     *
     * @param options how much of it is used at a time
     * @param metrics told what it does
     */
    public record Slower(Tier tier, LaneOptions options, TierMetrics metrics) {}

    private final MemoryTier memory;
    private final List<TierLane> slower;

    /** @param slower fastest first */
    CacheTiers(MemoryTier memory, List<TierLane> slower) {
        this.memory = memory;
        this.slower = List.copyOf(slower);
    }

    @Override
    public Optional<StoredRows> findInMemory(RowsQuery query) {
        return memory.find(query);
    }

    @Override
    public void search(Lookup lookup) {
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
                lookup.found(found.get(), slower.get(tier).source());
            } else {
                List<StoredRows> seen = new ArrayList<>(others);
                found.ifPresent(seen::add);
                search(lookup, tier + 1, seen);
            }
        });
    }

    @Override
    public void keep(RowsQuery query, StoredRows rows) {
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
}
