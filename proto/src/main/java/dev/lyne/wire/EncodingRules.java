package dev.lyne.wire;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;

/** Rules for rows that a block is to carry: the encoder writes nothing that the format forbids. */
final class EncodingRules {
    private final BlockHeader header;
    private final RowColumns columns;
    private final int temperatures;

    /** The ids of a row, as bits; all 0 between rows. */
    private final long[] seen;

    private EncodingRules(BlockHeader header, RowColumns columns) {
        this.header = header;
        this.columns = columns;
        this.temperatures = header.selection().temperatures().size();
        this.seen = new long[(header.vocabularySize() + 63) >> 6];
    }

    /**
     * Refuses rows that no block may carry.
     *
     * @param from number of the first row in the columns
     * @throws IllegalArgumentException with the row, the value and the expectation
     */
    static void require(BlockHeader header, RowColumns columns, int from) {
        int rows = header.rows();
        EncodingRules rules = new EncodingRules(header, columns);
        rules.requireLength("temperature offsets", columns.temperatureOffsets().length, rules.temperatures);
        rules.requireLength("log tail masses at temperatures", columns.temperedLogTails().length, rules.temperatures);
        for (int row = from; row < from + rows; row++) {
            rules.requireEntries(row, row - from);
            rules.requireScalars(row, row - from, row == from + rows - 1);
        }
    }

    private void requireLength(String name, int found, int perRow) {
        int expected = columns.counts().length * perRow;
        if (found != expected) {
            throw new IllegalArgumentException(
                    name + ": " + found + " (expected: " + expected + ", " + perRow + " a row)");
        }
    }

    private void requireEntries(int row, int shown) {
        Selection selection = header.selection();
        int most = selection.mostEntries(header.vocabularySize());
        boolean mayBeEmpty = selection.mayKeepNothing();
        int count = columns.counts()[row];
        if (count < (mayBeEmpty ? 0 : 1) || count > Math.min(most, columns.stride())) {
            throw refused(shown, count + " entries", (mayBeEmpty ? 0 : 1) + ".." + most);
        }
        int start = row * columns.stride();
        if (header.precision() != Precision.COMPACT) { // which sees to values and ids as it codes them
            requireOrder(columns, start, count, shown);
            requireDistinct(start, count, shown);
        }
        for (int i = start; i < start + (columns.drawCounts().length > 0 ? count : 0); i++) {
            if (columns.drawCounts()[i] < 0 || columns.drawCounts()[i] > Selection.MAX_DRAWS) {
                throw refused(shown, columns.drawCounts()[i] + " draws", "0.." + Selection.MAX_DRAWS);
            }
        }
        for (int i = start; i < start + (header.rawLogits() ? count : 0); i++) {
            requireFinite("logit", columns.logits()[i], shown);
        }
    }

    /** Refuses log-probabilities of a row that are not in descending order. */
    static void requireOrder(RowColumns columns, int start, int count, int shown) {
        float above = LevelGrid.MAX_LOG_PROBABILITY;
        for (int i = start; i < start + count; i++) {
            float value = columns.logProbabilities()[i];
            if (!(value <= above) || value == Float.NEGATIVE_INFINITY) {
                throw refused(shown, "log-probability " + value, "finite, at most " + above + ", in descending order");
            }
            above = value;
        }
    }

    private void requireDistinct(int start, int count, int shown) {
        for (int i = start; i < start + count; i++) {
            int id = columns.ids()[i];
            if (id < 0 || id >= header.vocabularySize()) {
                throw refused(shown, "token id " + id, "0.." + (header.vocabularySize() - 1));
            }
            if ((seen[id >> 6] & 1L << id) != 0) {
                throw refused(shown, "token id " + id + " twice in a row", "distinct ids");
            }
            seen[id >> 6] |= 1L << id;
        }
        for (int i = start; i < start + count; i++) {
            seen[columns.ids()[i] >> 6] = 0;
        }
    }

    private void requireScalars(int row, int shown, boolean last) {
        requireTail("log tail mass", columns.logTailMass()[row], shown);
        float label = columns.labelLogProbability()[row];
        if (Float.isNaN(label) && !last) {
            throw refused(shown, "no label log-probability", "one in every row but the last");
        }
        if (!Float.isNaN(label) && !(label <= LevelGrid.MAX_LOG_PROBABILITY && label > Float.NEGATIVE_INFINITY)) {
            throw refused(shown, "label log-probability " + label, "finite, at most " + LevelGrid.MAX_LOG_PROBABILITY);
        }
        for (int i = row * temperatures; i < (row + 1) * temperatures; i++) {
            requireFinite("temperature offset", columns.temperatureOffsets()[i], shown);
            requireTail("log tail mass at a temperature", columns.temperedLogTails()[i], shown);
        }
        if (header.rawLogits()) {
            requireFinite("log-sum-exp", columns.logSumExp()[row], shown);
        }
    }

    /** A tail is the logarithm of a probability: −∞ where nothing is left, and never −0, which is another pattern of bits for 0. */
    private static void requireTail(String name, float tail, int shown) {
        if (!(tail <= LevelGrid.MAX_LOG_PROBABILITY) || Float.floatToRawIntBits(tail) == Float.floatToRawIntBits(-0f)) {
            throw refused(shown, name + " " + tail, "at most 0, without a sign where it is 0");
        }
    }

    private static void requireFinite(String name, float value, int shown) {
        if (!Float.isFinite(value)) {
            throw refused(shown, name + " " + value, "finite");
        }
    }

    private static IllegalArgumentException refused(int row, String found, String expected) {
        return new IllegalArgumentException("row " + row + ": " + found + " (expected: " + expected + ")");
    }
}
