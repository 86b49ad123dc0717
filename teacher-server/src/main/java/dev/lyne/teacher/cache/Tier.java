package dev.lyne.teacher.cache;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.CachedSelection;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import java.util.Optional;

/**
 * A place that keeps encoded rows. Safe for several threads.
 *
 * <p>A tier is never why a request fails: what is damaged, out of reach or out of room is a miss, and a number on the metrics
 * page.
 */
public interface Tier extends AutoCloseable {
    /** The tier, as rows from here are marked and as its metrics are labelled: what {@link RowSource#cached} takes, another for each tier. */
    String name();

    /**
     * Returns the rows that are held under the query's key, whole and checked, whether or not it
     * {@linkplain CachedSelection#contains answers} the query. May block within the tier's own bound.
     */
    Optional<StoredRows> find(RowsQuery query);

    /** Keeps rows in the place of what was kept under the key. */
    void keep(CacheKey key, StoredRows rows);

    /** Lets go of files and connections, after calls in progress; later calls find and keep nothing. */
    @Override
    void close();
}
