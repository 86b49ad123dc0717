package dev.lyne.teacher.batch;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import dev.lyne.v1.SelectionKind;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a position counts in a quota: how much longer it keeps the device than a plain one, as measured, from 1 to {@link #MOST}, in tenths; 1 while
 * that has not been measured often enough. A plain position is one of top-k rows of at most 256 entries, at temperature 1 alone and without logits, in a
 * sequence of fewer than 1,024 tokens.
 *
 * <p>A small forward takes longer a position than a large one, whatever it is of. So a forward is compared with plain ones about as large; and one
 * that its entries keep small, which is the selection's doing, with the largest plain ones.
 *
 * <p>One thread at a time tells it; any may ask.
 */
final class PositionWeights {
    static final double MOST = 16;

    /** Forwards of a kind, and plain ones as large, before they tell anything. */
    static final int LEAST_FORWARDS = 8;

    private static final int PLAIN_ENTRIES = 256;
    private static final int PLAIN_TOKENS = 1_024;

    /** Share of earlier forwards that is left when one more is measured. */
    private static final double KEPT = 0.95;

    private record Kind(SelectionKind selection, boolean plain, int logLength, int logEntries) {
        static Kind of(int tokens, RowContent content, int vocabularySize) {
            Selection selection = content.selection();
            int entries = selection.mostEntries(vocabularySize);
            boolean plain = selection.kind() == SelectionKind.SELECTION_KIND_TOP_K
                    && selection.temperatures().isEmpty()
                    && !content.rawLogits()
                    && entries <= PLAIN_ENTRIES
                    && tokens < PLAIN_TOKENS;
            return new Kind(selection.kind(), plain, log2(tokens), log2(entries));
        }
    }

    /** Time over what it is compared with, summed over past forwards, of which later ones weigh more. */
    private static final class Ratio {
        private double nanos;
        private double over;
        private int forwards;

        void add(double moreNanos, double more) {
            nanos = KEPT * nanos + moreNanos;
            over = KEPT * over + more;
            forwards = Math.min(forwards + 1, LEAST_FORWARDS);
        }

        boolean isMeasured() {
            return forwards == LEAST_FORWARDS;
        }

        double value() {
            return nanos / over;
        }
    }

    private final int vocabularySize;

    /** Time a unit of plain forwards, by the logarithm of their size. */
    private final TreeMap<Integer, Ratio> plain = new TreeMap<>();

    private final Map<Kind, Ratio> byKind = new HashMap<>();
    private final Map<SelectionKind, Ratio> bySelection = new HashMap<>();
    private final Map<Kind, Double> weights = new ConcurrentHashMap<>();
    private final Map<SelectionKind, Double> ofSelections = new ConcurrentHashMap<>();

    PositionWeights(int vocabularySize) {
        this.vocabularySize = vocabularySize;
    }

    /**
     * What a position of a sequence counts. Of a kind that was not measured often enough it is that of its selection.
     *
     * @param tokens of the sequence
     */
    double of(int tokens, RowContent content) {
        Kind kind = Kind.of(tokens, content, vocabularySize);
        if (kind.plain()) {
            return 1;
        }
        Double measured = weights.get(kind);
        return measured == null ? ofSelection(kind.selection()) : measured;
    }

    /** Returns what a position counts on average, of a selection. */
    double ofSelection(SelectionKind selection) {
        return ofSelections.getOrDefault(selection, 1.0);
    }

    /**
     * Takes what a forward has cost.
     *
     * @param full whether it would have been larger but for its entries
     */
    void add(List<ScoreItem> items, RowContent content, boolean full, long nanos) {
        double units = items.stream().mapToDouble(ForwardCosts::units).sum();
        int size = log2((long) units);
        Kind kind = Kind.of(items.get(0).tokens().length, content, vocabularySize);
        if (kind.plain()) {
            plain.computeIfAbsent(size, unused -> new Ratio()).add(nanos, units);
            return;
        }
        Ratio reference = plain.get(full && !plain.isEmpty() ? plain.lastKey() : Integer.valueOf(size));
        if (reference == null || !reference.isMeasured()) {
            return;
        }
        double expected = units * reference.value();
        double bounded = Math.min(nanos, MOST * expected); // one that was held up says little
        Ratio ofKind = byKind.computeIfAbsent(kind, unused -> new Ratio());
        ofKind.add(bounded, expected);
        Ratio ofSelection = bySelection.computeIfAbsent(kind.selection(), unused -> new Ratio());
        ofSelection.add(bounded, expected);
        if (ofKind.isMeasured()) {
            weights.put(kind, weight(ofKind));
        }
        if (ofSelection.isMeasured()) {
            ofSelections.put(kind.selection(), weight(ofSelection));
        }
    }

    private static double weight(Ratio ratio) {
        return Math.max(1, Math.min(MOST, Math.round(10 * ratio.value()) / 10.0));
    }

    private static int log2(long value) {
        return 63 - Long.numberOfLeadingZeros(Math.max(1, value));
    }
}
