package dev.lyne.teacher.engine;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import java.util.Optional;

/**
 * A sequence whose rows an engine is asked for.
 *
 * @param item tokens and wanted positions
 * @param k entries of a row; 0: the label alone
 * @param vocabularySize ids are below it
 * @param cut what rows over the whole vocabulary are cut to; empty: the k best as they are
 */
record RowsRequest(ScoreItem item, int k, int vocabularySize, Optional<RowContent> cut)
        implements EngineRequest<RowColumns> {
    /** The k best as they are. */
    RowsRequest(ScoreItem item, int k, int vocabularySize) {
        this(item, k, vocabularySize, Optional.empty());
    }

    /** Returns the request for rows of this content: the k best, or the whole vocabulary where they do not tell it. */
    static RowsRequest of(ScoreItem item, RowContent content, int vocabularySize) {
        return WholeRow.isNeeded(content)
                ? new RowsRequest(item, vocabularySize, vocabularySize, Optional.of(content))
                : new RowsRequest(item, content.selection().mostEntries(vocabularySize), vocabularySize);
    }

    /** The shortest sequence with a row, to see whether so great a k is taken. */
    static RowsRequest smallest(int k, int vocabularySize) {
        return new RowsRequest(new ScoreItem(new int[] {0, 0}, new int[] {0}), k, vocabularySize);
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
