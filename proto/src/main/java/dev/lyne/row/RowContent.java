package dev.lyne.row;

import java.util.List;

/**
 * Content of a row beside the log of the mass not kept and the log-probability of the label.
 *
 * @param selection its entries, and the temperatures that it has offsets for
 * @param rawLogits whether the logits of the kept entries come too, and the log-sum-exp of all
 */
public record RowContent(Selection selection, boolean rawLogits) {
    /** Entries without logits. */
    public static RowContent of(Selection selection) {
        return new RowContent(selection, false);
    }

    /** The k most probable tokens, at temperature 1 alone. */
    public static RowContent topK(int k) {
        return of(new Selection.TopK(k, List.of()));
    }
}
