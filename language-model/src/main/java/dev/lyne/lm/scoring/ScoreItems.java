package dev.lyne.lm.scoring;

/** What an item has to be for a model to score it. */
final class ScoreItems {
    private ScoreItems() {}

    /**
     * Refuses an item that does not fit.
     *
     * @param index of the item among those asked for together
     * @throws IllegalArgumentException naming the item, the value and the expectation
     */
    static void require(int index, ScoreItem item, int contextLength, int vocabularySize) {
        int length = item.tokens().length;
        if (length < 1 || length > contextLength) {
            throw new IllegalArgumentException(
                    "item " + index + ": " + length + " tokens (expected: 1..context=" + contextLength + ")");
        }
        for (int id : item.tokens()) {
            if (id < 0 || id >= vocabularySize) {
                throw new IllegalArgumentException(
                        "item " + index + ": token " + id + " (expected: 0.." + (vocabularySize - 1) + ")");
            }
        }
        int previous = -1;
        for (int position : item.positions()) {
            if (position <= previous || position >= length) {
                throw new IllegalArgumentException("item " + index + ": position " + position + " after " + previous
                        + " (expected: ascending, 0.." + (length - 1) + ")");
            }
            previous = position;
        }
    }
}
