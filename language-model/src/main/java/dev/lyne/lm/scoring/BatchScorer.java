package dev.lyne.lm.scoring;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.util.List;

/** Scores batches of sequences. One thread calls it. */
public interface BatchScorer extends AutoCloseable {
    /**
     * Scores right-padded sequences in one forward.
     *
     * @return one outcome an item, in order
     */
    List<ScoreOutcome> score(List<ScoreItem> items, RowContent content);

    @Override
    void close();
}
