package dev.lyne.teacher.score;

import dev.lyne.lm.scoring.Kept;
import dev.lyne.lm.scoring.RowSelection;
import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.wire.Selection;

/**
 * What the model is asked for.
 *
 * @param holds the rows that come of it
 * @param item tokens, positions and chosen ids
 * @param selection entries a row
 */
record Plan(CachedSelection holds, ScoreItem item, RowSelection selection) {
    /** A task as it was asked. */
    static Plan of(ScoreTask task, CachedSelection wanted, int vocabularySize) {
        return new Plan(wanted, task.item(), selection(task.format(), vocabularySize));
    }

    /** The same rows, encoded otherwise. */
    Plan holding(CachedSelection others) {
        return new Plan(others, item, selection);
    }

    /** Other rows of the same sequence, of a selection without chosen ids. */
    Plan widenedTo(CachedSelection wider, int vocabularySize) {
        return new Plan(
                wider,
                new ScoreItem(item.tokens(), wider.positions(), wider.chosen()),
                selection(wider.format(), vocabularySize));
    }

    private static RowSelection selection(RowFormat format, int vocabularySize) {
        Selection selection = format.selection();
        return new RowSelection(kept(selection, vocabularySize), selection.temperatures(), format.rawLogits());
    }

    private static Kept kept(Selection selection, int vocabularySize) {
        if (selection instanceof Selection.TopPK rule) {
            // At temperature 1 the encoder ends rows, by the very numbers that narrowing ends them by. The model reads
            // p = 1 as
            // "no test"; the contract's p = 1 still ends a row whose mass is all there.
            boolean cutLater = rule.truncationTemperature() == 1f;
            return new Kept.Top(
                    rule.k(), cutLater ? 1 : Math.min(rule.p(), Math.nextDown(1.0)), rule.truncationTemperature());
        } else if (selection instanceof Selection.Draws rule) {
            return new Kept.Draws(rule.draws(), rule.head(), rule.seed());
        } else if (selection instanceof Selection.Chosen rule) {
            return new Kept.Chosen(rule.k());
        } else if (selection instanceof Selection.LabelOnly) {
            return new Kept.LabelOnly();
        }
        return new Kept.Top(selection.mostEntries(vocabularySize), 1.0, 1f);
    }
}
