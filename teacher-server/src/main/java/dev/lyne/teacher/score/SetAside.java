package dev.lyne.teacher.score;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.teacher.model.PacedLog;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.slf4j.LoggerFactory;

/**
 * Computed rows that their teacher does not vouch for yet: they answer like kept ones meanwhile, go to the tiers once it does, and are
 * gone where it disowns them. Bounded by bytes: from half of the bound on, whoever vouches is hurried; what does not fit is not kept, is
 * counted, and is computed again where it is asked for. Safe for several threads.
 */
final class SetAside {
    /** Bound of a teacher's rows that wait, in bytes. */
    static final long MAX_BYTES = Math.min(256L << 20, Runtime.getRuntime().maxMemory() / 16);

    private static final PacedLog LOG =
            new PacedLog(LoggerFactory.getLogger(SetAside.class), TimeUnit.SECONDS.toNanos(60), System::nanoTime);

    /**
     * Rows, and what decides about them.
     *
     * @param vouched completes when they are the teacher's; fails where they are not, or where nobody can tell any more
     */
    record Held(StoredRows rows, CompletionStage<Void> vouched) {}

    private final RowStore tiers;
    private final long maxBytes;
    private final Runnable hurry;
    private final CacheMetrics metrics;

    @GuardedBy("this")
    private final Map<CacheKey, List<Held>> held = new HashMap<>();

    @GuardedBy("this")
    private long bytes;

    /**
     * Room for a teacher's rows.
     *
     * @param hurry called, without a lock, at each row from half of the bound on: they should be vouched for soon
     */
    SetAside(RowStore tiers, long maxBytes, Runnable hurry, CacheMetrics metrics) {
        this.tiers = tiers;
        this.maxBytes = maxBytes;
        this.hurry = hurry;
        this.metrics = metrics;
    }

    /** Rows that answer a query. */
    synchronized Optional<Held> find(RowsQuery query) {
        return held.getOrDefault(query.key(), List.of()).stream()
                .filter(rows -> query.answeredBy(rows.rows().holds()))
                .findFirst();
    }

    void keep(RowsQuery query, StoredRows rows, CompletionStage<Void> vouched) {
        Held entry = new Held(rows, vouched);
        boolean fits;
        boolean crowded;
        synchronized (this) {
            fits = bytes + rows.bytes() <= maxBytes;
            if (fits) {
                bytes += rows.bytes();
                held.computeIfAbsent(query.key(), unused -> new ArrayList<>(1)).add(entry);
            }
            crowded = !fits || bytes > maxBytes / 2;
        }
        if (crowded) {
            hurry.run();
        }
        if (!fits) {
            metrics.unkept.increment();
            LOG.warn("rows of " + query.teacher().name() + " are not kept: those that wait for the engine's probe take "
                    + (maxBytes >> 20)
                    + " MiB (expected: a probe that passes in time; --probe-seconds, or a larger heap)");
            return;
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
