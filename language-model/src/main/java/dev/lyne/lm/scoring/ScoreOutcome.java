package dev.lyne.lm.scoring;

import dev.lyne.row.RowColumns;

/** What became of one item of a batch. */
public sealed interface ScoreOutcome {
    /**
     * The rows asked for.
     *
     * @param positions of the rows
     */
    @SuppressWarnings("ArrayRecordComponent") // contents are never compared
    record Scored(int[] positions, RowColumns rows) implements ScoreOutcome {}

    /** The model's logits are not finite at a wanted position. */
    record NotFinite(int position) implements ScoreOutcome {}
}
