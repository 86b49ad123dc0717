package dev.lyne.teacher.admission;

import dev.lyne.row.Selection;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.v1.ChosenTokens;
import dev.lyne.v1.Sequence;
import java.util.Arrays;

/** The token ids that a sequence names for its positions. */
final class ChosenIds {
    private static final int[][] NONE = {};

    private ChosenIds() {}

    /**
     * The ids of each position; none where the stream's selection is another.
     *
     * @throws IllegalArgumentException where lists and positions differ in number, or an id is out of range, named twice, or one too
     *     many
     */
    static int[][] of(Sequence sequence, int[] positions, Selection selection, TeacherDescription teacher) {
        int lists = sequence.getChosenCount();
        if (!(selection instanceof Selection.Chosen rule)) {
            if (lists > 0) {
                throw new IllegalArgumentException(
                        "chosen: " + lists + " lists (expected: none, the stream's selection" + " being another)");
            }
            return NONE;
        }
        if (lists != positions.length) {
            throw new IllegalArgumentException(
                    "chosen: " + lists + " lists (expected: one for each of the " + positions.length + " positions)");
        }
        int[][] chosen = new int[lists][];
        for (int i = 0; i < lists; i++) {
            chosen[i] = ids(sequence.getChosen(i), i, rule.k(), teacher.vocabularySize());
        }
        return chosen;
    }

    private static int[] ids(ChosenTokens list, int number, int k, int vocabularySize) {
        if (list.getTokenIdsCount() > k) {
            throw new IllegalArgumentException("chosen[" + number + "]: " + list.getTokenIdsCount()
                    + " token_ids (expected: at most the selection's k=" + k + ")");
        }
        int[] ids = new int[list.getTokenIdsCount()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = list.getTokenIds(i);
            if (ids[i] < 0 || ids[i] >= vocabularySize) {
                throw new IllegalArgumentException(
                        "chosen[" + number + "].token_ids[" + i + "]: " + Integer.toUnsignedString(ids[i])
                                + " (expected: below vocabulary_size=" + vocabularySize + ")");
            }
        }
        int[] sorted = ids.clone();
        Arrays.sort(sorted);
        for (int i = 1; i < sorted.length; i++) {
            if (sorted[i] == sorted[i - 1]) {
                throw new IllegalArgumentException(
                        "chosen[" + number + "]: token " + sorted[i] + " twice (expected: distinct token_ids)");
            }
        }
        return ids;
    }
}
