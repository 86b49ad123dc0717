package dev.lyne.teacher.score;

import dev.lyne.row.ScoreItem;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.wire.RowFormat;

/**
 * A checked sequence that a stream asks rows of.
 *
 * @param item tokens, wanted positions and chosen ids, none of which anyone changes any more
 * @param format what to keep of each row, and how to code it
 * @param deadline the caller's
 * @param flow on whose behalf, in which class and stream
 * @param bypassCache true to neither read, join, share nor store
 * @param quotaPositions what was taken of its tenant's quota for it
 */
public record ScoreTask(
        ScoreItem item, RowFormat format, Deadline deadline, Flow flow, boolean bypassCache, long quotaPositions) {
    /** Constructs a task of nobody in particular. */
    public ScoreTask(ScoreItem item, RowFormat format, Deadline deadline, boolean bypassCache) {
        this(item, format, deadline, Flow.SOLE, bypassCache, 0);
    }

    /** The same, for which a tenant's quota has paid. */
    public ScoreTask paidWith(long positions) {
        return new ScoreTask(item, format, deadline, flow, bypassCache, positions);
    }

    /** Number of tokens. */
    public int tokens() {
        return item.tokens().length;
    }
}
