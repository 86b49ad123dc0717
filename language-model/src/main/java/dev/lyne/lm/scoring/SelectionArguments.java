package dev.lyne.lm.scoring;

import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.row.DrawKeys;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * A selection as the script takes it: its settings, and for each row of logits what is wanted of that row alone, which is the key of its
 * draws, or the chosen ids in ascending order with −1 behind.
 */
final class SelectionArguments {
    private static final long NOTHING = -1;

    private final RowContent content;
    private final int vocabularySize;
    private final int rows;
    private final int width;
    private final long[] asked;

    /**
     * @param items whose rows will be put
     * @param rows rows of logits, of which those that nobody puts ask for nothing
     */
    SelectionArguments(RowContent content, int vocabularySize, List<ScoreItem> items, int rows) {
        this.content = content;
        this.vocabularySize = vocabularySize;
        this.rows = rows;
        this.width = content.selection().keepsDraws() ? DrawKeys.LONGS : Math.max(1, mostChosen(items));
        this.asked = new long[Math.multiplyExact(rows, width)];
        Arrays.fill(asked, NOTHING);
    }

    private static int mostChosen(List<ScoreItem> items) {
        return items.stream()
                .flatMap(item -> Arrays.stream(item.chosen()))
                .mapToInt(ids -> ids.length)
                .max()
                .orElse(0);
    }

    /** Says where the rows of an item's positions are among the rows of logits. */
    void put(ScoreItem item, long[] at) {
        if (content.selection() instanceof Selection.Draws draws) {
            long[] keys = DrawKeys.of(item.tokens(), item.positions(), draws.seed());
            for (int i = 0; i < at.length; i++) {
                System.arraycopy(keys, i * width, asked, (int) at[i] * width, width);
            }
        }
        for (int i = 0; i < item.chosen().length; i++) {
            int to = (int) at[i] * width;
            for (int id : item.chosen()[i]) {
                asked[to++] = id;
            }
            Arrays.sort(asked, (int) at[i] * width, to);
        }
    }

    /** Adds the tensor `[rows, width]` and the settings. */
    void addTo(InferenceCall call) {
        Selection.Rule rule = content.selection().rule(vocabularySize);
        call.tensor(call.manager().create(LongBuffer.wrap(asked), new Shape(rows, width)))
                .tuple(
                        rule.kind(),
                        (long) rule.k(),
                        (long) rule.draws(),
                        rule.p(),
                        (double) rule.temperature(),
                        content.selection().temperatures().stream()
                                .mapToDouble(Float::doubleValue)
                                .toArray(),
                        content.rawLogits());
    }

    /** Refuses chosen ids that do not fit the positions, the selection or the vocabulary. */
    static void requireChosen(int index, ScoreItem item, Selection selection, int vocabularySize) {
        int[][] chosen = item.chosen();
        if (!(selection instanceof Selection.Chosen kept)) {
            if (chosen.length > 0) {
                throw new IllegalArgumentException("item " + index + ": ids chosen for " + chosen.length
                        + " positions (expected: none, the selection chooses)");
            }
            return;
        }
        if (chosen.length != item.positions().length) {
            throw new IllegalArgumentException("item " + index + ": ids chosen for " + chosen.length
                    + " positions (expected: " + item.positions().length + ", one list for each position)");
        }
        for (int i = 0; i < chosen.length; i++) {
            String where = "item " + index + ", position " + item.positions()[i] + ": ";
            if (chosen[i].length > kept.k()) {
                throw new IllegalArgumentException(
                        where + chosen[i].length + " chosen ids (expected: at most k=" + kept.k() + ")");
            }
            int[] sorted = chosen[i].clone();
            Arrays.sort(sorted);
            for (int j = 0; j < sorted.length; j++) {
                if (sorted[j] < 0 || sorted[j] >= vocabularySize) {
                    throw new IllegalArgumentException(
                            where + "chosen id " + sorted[j] + " (expected: 0.." + (vocabularySize - 1) + ")");
                }
                if (j > 0 && sorted[j] == sorted[j - 1]) {
                    throw new IllegalArgumentException(
                            where + "chosen id " + sorted[j] + " twice (expected: distinct ids)");
                }
            }
        }
    }
}
