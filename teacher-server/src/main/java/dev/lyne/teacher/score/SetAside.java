package dev.lyne.teacher.score;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * Computed rows that their teacher does not vouch for yet: they answer like kept ones meanwhile, go to the tiers once it does, and are
 * gone where it disowns them. Bounded by bytes: what does not fit is not kept, and computed again where it is asked for. Safe for
 * several threads.
 */
final class SetAside {
    private static final long MAX_BYTES =
            Math.min(256L << 20, Runtime.getRuntime().maxMemory() / 16);

    /**
     * Rows, and what decides about them.
     *
     * @param vouched completes when they are the teacher's; fails where they are not, or where nobody can tell any more
     */
    record Held(StoredRows rows, CompletionStage<Void> vouched) {}

    private final RowStore tiers;

    @GuardedBy("this")
    private final Map<CacheKey, List<Held>> held = new HashMap<>();

    @GuardedBy("this")
    private long bytes;

    SetAside(RowStore tiers) {
        this.tiers = tiers;
    }

    /** Rows that answer a query. */
    synchronized Optional<Held> find(RowsQuery query) {
        return held.getOrDefault(query.key(), List.of()).stream()
                .filter(rows -> query.answeredBy(rows.rows().holds()))
                .findFirst();
    }

    void keep(RowsQuery query, StoredRows rows, CompletionStage<Void> vouched) {
        Held entry = new Held(rows, vouched);
        synchronized (this) {
            if (bytes + rows.bytes() > MAX_BYTES) {
                return;
            }
            bytes += rows.bytes();
            held.computeIfAbsent(query.key(), unused -> new ArrayList<>(1)).add(entry);
        }
        var unused = vouched.whenComplete((nothing, disowned) -> {
            if (disowned == null) {
                tiers.keep(query, rows); // before they leave here: whoever looks finds them in one place or the other
            }
            remove(query.key(), entry);
        });
    }

    private synchronized void remove(CacheKey key, Held entry) {
        List<Held> sameKey = held.get(key);
        if (sameKey != null && sameKey.remove(entry)) {
            bytes -= entry.rows().bytes();
            if (sameKey.isEmpty()) {
                held.remove(key);
            }
        }
    }
}
