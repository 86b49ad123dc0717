package dev.lyne.wire;

import dev.lyne.row.Precision;
import dev.lyne.row.RowContent;
import dev.lyne.row.Selection;
import java.util.Locale;
import java.util.Optional;

/**
 * Format of rows: what is kept of each row, and how it is coded: what all sequences of a stream share, and all rows of
 * a capture.
 *
 * @param selection entries a row, and the temperatures with an offset
 * @param precision how log-probabilities are coded
 * @param rawLogits whether rows carry the kept entries' logits, too; not in compact precision
 */
public record RowFormat(Selection selection, Precision precision, boolean rawLogits) {
    /** Expectation of a selection whose rows are captured, and are asked of a capture. */
    public static final String UNCHOSEN = "one that the student has no part in; chosen ids change as it learns";

    public RowFormat {
        if (rawLogits && precision == Precision.COMPACT) {
            throw new IllegalArgumentException("raw_logits in compact precision (expected: exact or half)");
        }
    }

    /** Returns the content that a teacher is asked for, so that it gives rows of this format. */
    public RowContent computed() {
        return new RowContent(selection.computed(), rawLogits);
    }

    /**
     * Why captured rows of this format do not answer requests for another, where they do not. Whether single rows do may still depend on
     * what they hold.
     *
     * @param narrowing whether entries may be cut out of wider rows; temperatures may be left out in any case
     */
    public Optional<String> refusal(RowFormat wanted, int vocabularySize, boolean narrowing) {
        if (wanted.selection.keepsChosen()) {
            return Optional.of(wanted.selection + " (expected: " + UNCHOSEN + ")");
        }
        if (precision != wanted.precision || rawLogits != wanted.rawLogits) {
            return Optional.of(wanted + " (expected: " + this + ", as it was captured)");
        }
        if (!Containment.answers(selection, wanted.selection, precision, vocabularySize, 0)) {
            return Optional.of(wanted.selection + " (expected: one that the captured " + selection + " contains)");
        }
        if (!narrowing && !sameEntries(wanted.selection, vocabularySize)) {
            return Optional.of(wanted.selection + " (expected: " + selection
                    + ", as it was captured: a deterministic teacher's rows are not cut)");
        }
        return Optional.empty();
    }

    /** Each contains the other but for temperatures, so that they keep the same entries. */
    private boolean sameEntries(Selection wanted, int vocabularySize) {
        return wanted.equals(selection)
                || wanted.withTemperatures(selection.temperatures()).contains(selection, vocabularySize, 0);
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

    @Override
    public String toString() {
        return selection + " in " + precision.name().toLowerCase(Locale.ROOT) + (rawLogits ? " with raw logits" : "");
    }
}
