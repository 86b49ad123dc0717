package dev.lyne.teacher.score;

import dev.lyne.row.RowSource;
import java.util.List;

/** A search of the tiers below memory. Exactly one of {@link #found} and {@link #absent} is called, unless it is not wanted. */
public interface Lookup {
    RowsQuery query();

    /** True while somebody waits for the outcome; asked before each tier's turn. */
    boolean wanted();

    /** Rows that answer, promoted to the faster tiers already. */
    void found(StoredRows rows, RowSource source);

    /** No tier has rows that answer. */
    void absent(List<StoredRows> others);

    /** The search, or what the outcome was told to, threw. Does nothing where the lookup is over. */
    void failed(Throwable cause);
}
