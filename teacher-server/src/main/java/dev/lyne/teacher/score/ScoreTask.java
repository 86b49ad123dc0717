package dev.lyne.teacher.score;

import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.wire.RowFormat;

/**
 * A checked sequence that a stream asks rows of.
 *
 * @param item tokens, wanted positions and chosen ids, none of which anyone changes any more
 * @param format what to keep of each row, and how to code it
 * @param deadline the asker's
 * @param bypassCache true to neither read, join, share nor store
 */
public record ScoreTask(ScoreItem item, RowFormat format, Deadline deadline, boolean bypassCache) {
    /** Number of tokens. */
    public int tokens() {
        return item.tokens().length;
    }
}
