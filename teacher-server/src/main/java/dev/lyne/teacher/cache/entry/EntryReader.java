package dev.lyne.teacher.cache.entry;

import dev.lyne.teacher.cache.TierMetrics;
import dev.lyne.teacher.cache.entry.EntryFormat.Reading;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import java.util.Optional;

/** Turns what a store gave into rows, or counts a miss. */
public final class EntryReader {
    private final TierMetrics metrics;

    public EntryReader(TierMetrics metrics) {
        this.metrics = metrics;
    }

    /** The rows of an entry, where there is one and it is sound. */
    public Optional<StoredRows> read(Optional<byte[]> entry, RowsQuery query) {
        if (entry.isPresent()) {
            Reading reading = EntryFormat.read(entry.get(), query);
            if (reading instanceof Reading.Sound sound) {
                return Optional.of(sound.rows());
            } else if (reading instanceof Reading.Damaged damaged) {
                metrics.damaged(damaged.reason());
            }
        }
        metrics.missed();
        return Optional.empty();
    }
}
