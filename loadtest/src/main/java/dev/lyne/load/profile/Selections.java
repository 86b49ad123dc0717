package dev.lyne.load.profile;

import dev.lyne.row.Selection;
import java.util.List;

/**
 * Selections that the students ask for, each student one: one that {@link Selection#parse} reads, or several by weight,
 * as {@code top_k=64*0.8,label_only*0.2}.
 */
public final class Selections {
    private static final String OPTION = "selection";

    private final String text;
    private final List<Weighted<Selection>> selections;

    private Selections(String text, List<Weighted<Selection>> selections) {
        this.text = text;
        this.selections = selections;
    }

    /**
     * Reads a list.
     *
     * @param seed seed of draws
     */
    public static Selections parse(String text, long seed) {
        return new Selections(text, Weighted.parse(OPTION, text, part -> selection(part, seed)));
    }

    private static Selection selection(String text, long seed) {
        return Selection.parse(text, seed)
                .orElseThrow(() -> new IllegalArgumentException(
                        OPTION + ": " + text + " (expected: " + Selection.FORMS + ", each perhaps with *WEIGHT)"));
    }

    /** The selection of one of so many students: the weights in proportion, whatever the seed. */
    public Selection of(int student, int students) {
        return Weighted.at(selections, (student + 0.5) / students);
    }

    @Override
    public String toString() {
        return text;
    }
}
