package dev.lyne.row;

/** The outcome of one {@link ScoreItem} of a batch. */
public sealed interface ScoreOutcome {
    /**
     * The rows asked for.
     *
     * @param positions of the rows
     */
    @SuppressWarnings("ArrayRecordComponent") // contents are never compared
    record Scored(int[] positions, RowColumns rows) implements ScoreOutcome {}

    /** Logits of the model that are not finite, at a wanted position. */
    record NotFinite(int position) implements ScoreOutcome {}
}
