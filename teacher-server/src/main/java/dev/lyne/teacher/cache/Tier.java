package dev.lyne.teacher.cache;

import java.util.Optional;

/**
 * A place that keeps encoded rows. Safe for several threads.
 *
 * <p>A tier is never why a request fails: what is damaged, out of reach or out of room is a miss, and a number on the metrics
 * page.
 */
public interface Tier extends AutoCloseable {
    /** What rows from here are marked with; it names the tier, too. */
    Origin origin();

    /** Rows that {@linkplain Holdings#contains answer} the query, whole and checked. May block within the tier's own bound. */
    Optional<StoredRows> find(RowsQuery query);

    /** Keeps rows in the place of what was kept under the key: what was asked for last is what will be asked for next. */
    void keep(CacheKey key, StoredRows rows);

    /** Lets go of files and connections, after calls in progress; later calls find and keep nothing. */
    @Override
    void close();
}
