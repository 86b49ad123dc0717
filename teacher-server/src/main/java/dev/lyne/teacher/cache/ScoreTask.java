package dev.lyne.teacher.cache;

import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.wire.Selection;

/**
 * A checked sequence that a stream asks rows of.
 *
 * @param item tokens and wanted positions, none of which anyone changes any more
 * @param selection entries to keep
 * @param deadline the asker's
 * @param bypassCache true to neither read, join, share nor store
 */
public record ScoreTask(ScoreItem item, Selection selection, Deadline deadline, boolean bypassCache) {
    /** Number of tokens. */
    public int tokens() {
        return item.tokens().length;
    }

    Holdings wanted() {
        return new Holdings(selection, item.positions());
    }
}
