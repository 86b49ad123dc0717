package dev.lyne.lm.scoring;

/**
 * How a model scores.
 *
 * @param vocabularySize ids of the tokenizer, which the distribution is over; columns of the output matrix past it do not count
 * @param rowChunk rows of logits that exist at a time; the deterministic mode has its own
 * @param deterministic each sequence alone, products of fixed sizes: a row's bits depend on nothing but its sequence
 */
public record ScoringOptions(int vocabularySize, int rowChunk, boolean deterministic) {
    /** Positions a product of the output matrix takes in deterministic mode. */
    public static final int DETERMINISTIC_CHUNK = 256;

    public ScoringOptions {
        if (vocabularySize < 1) {
            throw new IllegalArgumentException("vocabulary_size: " + vocabularySize + " (expected: at least 1)");
        }
        if (rowChunk < 1) {
            throw new IllegalArgumentException("row_chunk: " + rowChunk + " (expected: at least 1)");
        }
    }

    /** Chunks of 256 rows, not deterministic. */
    public static ScoringOptions of(int vocabularySize) {
        return new ScoringOptions(vocabularySize, 256, false);
    }
}
