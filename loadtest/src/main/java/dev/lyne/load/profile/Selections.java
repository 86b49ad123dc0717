package dev.lyne.load.profile;

import dev.lyne.wire.Selection;
import java.util.List;

/**
 * Which selections the students ask for, each student one: {@code top_k=64}, {@code top_p_k=0.9/64} (cap 64), {@code top_fraction=0.05},
 * {@code draws=32} or {@code draws=32/8} (a head of 8), {@code chosen=16}, {@code label_only}, or several by weight.
 */
public final class Selections {
    private static final String OPTION = "selection";
    private static final String EXPECTATION =
            "top_k=K, top_p_k=P/K, top_fraction=F, draws=N, draws=N/HEAD, chosen=K or label_only, each perhaps with *WEIGHT";

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
        String rule = text.substring(0, text.indexOf('=') < 0 ? text.length() : text.indexOf('='));
        String[] values =
                text.substring(Math.min(text.length(), rule.length() + 1)).split("/", -1);
        List<Float> none = List.of();
        boolean two = values.length == 2;
        if (rule.equals("top_k") && !two) {
            return new Selection.TopK(Numbers.whole(OPTION, values[0]), none);
        } else if (rule.equals("top_p_k") && two) {
            return new Selection.TopPK(Numbers.parse(OPTION, values[0]), Numbers.whole(OPTION, values[1]), 1f, none);
        } else if (rule.equals("top_fraction") && !two) {
            return new Selection.TopFraction(Numbers.parse(OPTION, values[0]), none);
        } else if (rule.equals("draws")) {
            int head = two ? Numbers.whole(OPTION, values[1]) : 0;
            return new Selection.Draws(Numbers.whole(OPTION, values[0]), head, seed, none);
        } else if (rule.equals("chosen") && !two) {
            return new Selection.Chosen(Numbers.whole(OPTION, values[0]), none);
        } else if (text.equals("label_only")) {
            return new Selection.LabelOnly(none);
        } else if (text.equals("data_only")) {
            throw new IllegalArgumentException(OPTION + ": data_only is an old name (expected: label_only)");
        }
        throw new IllegalArgumentException(OPTION + ": " + text + " (expected: " + EXPECTATION + ")");
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
