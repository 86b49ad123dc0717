package dev.lyne.teacher.score;

import java.util.Optional;

/** A store of encoded rows, as single-flight sees it: fast memory, and slower tiers behind it. Safe for several threads; never blocks. */
public interface RowStore {
    /** Name of the tier that is asked on the spot. */
    String MEMORY = "memory";

    /** Returns the rows that memory holds under a query's key, whether or not they answer the query. */
    Optional<StoredRows> findInMemory(RowsQuery query);

    /**
     * Searches the tiers below memory, one after the other; where there are none, the lookup is told before this returns.
     */
    void search(Lookup lookup);

    /** Keeps computed rows in memory at once, and in the slower tiers soon. */
    void keep(RowsQuery query, StoredRows rows);
}
