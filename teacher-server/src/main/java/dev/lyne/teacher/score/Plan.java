package dev.lyne.teacher.score;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;

/**
 * Plan of a computation: what the model is asked for.
 *
 * @param holds the rows that come of it
 * @param item tokens, positions and chosen ids
 * @param content what a row is to hold
 */
record Plan(CachedSelection holds, ScoreItem item, RowContent content) {
    /** A task as it was asked. */
    static Plan of(ScoreTask task, CachedSelection wanted) {
        return new Plan(wanted, task.item(), task.format().computed());
    }

    /** Returns the plan of the same rows, encoded otherwise. */
    Plan holding(CachedSelection others) {
        return new Plan(others, item, content);
    }

    /** Returns the plan of other rows of the same sequence, of a selection without chosen ids. */
    Plan widenedTo(CachedSelection wider) {
        return new Plan(
                wider,
                new ScoreItem(item.tokens(), wider.positions(), wider.chosen()),
                wider.format().computed());
    }
}
