package dev.lyne.teacher.score;

import dev.lyne.row.Precision;
import dev.lyne.row.RowContent;
import dev.lyne.row.Selection;

/**
 * What is kept of each row, and how it is coded: what all sequences of a stream share.
 *
 * @param selection entries a row, and the temperatures with an offset
 * @param precision how log-probabilities are coded
 * @param rawLogits whether rows carry the kept entries' logits, too; not in compact precision
 */
public record RowFormat(Selection selection, Precision precision, boolean rawLogits) {
    public RowFormat {
        if (rawLogits && precision == Precision.COMPACT) {
            throw new IllegalArgumentException("raw_logits in compact precision (expected: exact or half)");
        }
    }

    /** What a teacher is asked for, so that rows of this format come of it. */
    RowContent computed() {
        return new RowContent(selection.computed(), rawLogits);
    }

    /** Entries that the rows of so many positions hold at most. */
    public long entries(int positions, int vocabularySize) {
        return (long) positions * selection.mostEntries(vocabularySize);
    }

    /** Most bytes that a row takes in a block, whatever the precision. */
    public int maxRowBytes(int vocabularySize) {
        return rowBytes(vocabularySize, 4 + 4);
    }

    /**
     * Bytes that a row takes at most, as a stream's credit counts them. Compact entries count as 4 bytes, three times what they take
     * on rows of text.
     */
    public int creditRowBytes(int vocabularySize) {
        return rowBytes(
                vocabularySize,
                switch (precision) {
                    case EXACT -> 4 + 4;
                    case HALF -> 4 + 2;
                    case COMPACT -> 4;
                });
    }

    private int rowBytes(int vocabularySize, int entryBytes) {
        int columns = 3 + (rawLogits ? 1 : 0); // count, log tail mass, label log-probability; log-sum-exp
        int range = 8; // of positions, where each row is a range of its own
        int perEntry = entryBytes + (selection.keepsDraws() ? 4 : 0) + (rawLogits ? 4 : 0);
        return perEntry * selection.mostEntries(vocabularySize)
                + 4 * (columns + 2 * selection.temperatures().size()) // an offset and a log tail mass a temperature
                + range;
    }
}
