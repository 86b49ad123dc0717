package dev.lyne.teacher.engine;

import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.row.RowColumns;

/**
 * A sequence whose rows an engine is asked for.
 *
 * @param item tokens and wanted positions
 * @param k entries of a row; 0: the label alone
 * @param vocabularySize ids are below it
 */
record Asked(ScoreItem item, int k, int vocabularySize) implements EngineRequest<RowColumns> {
    /** The shortest sequence with a row, to see whether so great a k is taken. */
    static Asked smallest(int k, int vocabularySize) {
        return new Asked(new ScoreItem(new int[] {0, 0}, new int[] {0}), k, vocabularySize);
    }

    @Override
    public int tokens() {
        return length();
    }

    @Override
    public Question question(Dialect dialect, String model) {
        return dialect.rows(this, model);
    }

    @Override
    public ValueReader<RowColumns> reader(Dialect dialect) {
        return dialect.reader(this);
    }

    int length() {
        return item.tokens().length;
    }

    /** Whether the row after the last token is wanted, which comes with a generated token. */
    boolean wantsLast() {
        int[] positions = item.positions();
        return positions.length > 0 && positions[positions.length - 1] == length() - 1;
    }
}
