package dev.lyne.lm.scoring;

/** What became of one item of a batch. */
public sealed interface ScoreOutcome {
    /** The rows asked for. */
    record Scored(SelectedRows rows) implements ScoreOutcome {}

    /** The model's logits are not finite at a wanted position. */
    record NotFinite(int position) implements ScoreOutcome {}
}
