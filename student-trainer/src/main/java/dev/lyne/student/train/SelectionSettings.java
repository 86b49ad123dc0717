package dev.lyne.student.train;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.student.loss.Loss;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The settings that say which entries of a teacher row are asked for, and how exactly, as what a stream is opened with. */
final class SelectionSettings {
    private static final String TOP_K = "top_k";
    private static final String TOP_P_K = "top_p_k";
    private static final String TOP_FRACTION = "top_fraction";
    private static final String DRAWS = "draws";
    private static final String CHOSEN = "chosen";
    private static final String LABEL_ONLY = "label_only";
    private static final List<String> NAMES = List.of(TOP_K, TOP_P_K, TOP_FRACTION, DRAWS, CHOSEN);

    /** The names in a sentence. A constant of the compiler's, since {@link Setting} is made of it before this class is. */
    static final String NAMED = TOP_K + ", " + TOP_P_K + ", " + TOP_FRACTION + ", " + DRAWS + ", or " + CHOSEN
            + ", which are the student's own most probable tokens, asked for in the middle of each step";

    private static final Set<Setting> PARAMETERS = EnumSet.of(
            Setting.TOP_K,
            Setting.TOP_P,
            Setting.TRUNCATE_AT,
            Setting.TOP_FRACTION,
            Setting.DRAWS,
            Setting.HEAD,
            Setting.DRAW_SEED);

    private SelectionSettings() {}

    /**
     * The selection, with c_τ asked for where the teacher's distribution is tempered.
     *
     * @throws IllegalArgumentException for a selection that no loss learns from, a parameter out of range, or one of
     *     another selection
     */
    static Selection selection(Settings settings, Temperatures teacher) {
        if (settings.text(Setting.SELECTION).equals(LABEL_ONLY)) {
            throw Settings.refused(
                    Setting.SELECTION,
                    LABEL_ONLY,
                    String.join(", ", NAMES) + "; there is nothing to learn from the label alone");
        }
        String name = settings.choice(Setting.SELECTION, NAMES);
        List<Float> temperatures = teacher.asked();
        return switch (name) {
            case TOP_K -> {
                requireOnly(settings, Setting.TOP_K);
                yield new Selection.TopK(k(settings), temperatures);
            }
            case TOP_P_K -> {
                requireOnly(settings, Setting.TOP_K, Setting.TOP_P, Setting.TRUNCATE_AT);
                double p = settings.number(Setting.TOP_P, 0, 1, false);
                String truncateAt = settings.choice(Setting.TRUNCATE_AT, List.of("raw", "tempered"));
                if (truncateAt.equals("tempered") && teacher.values().size() > 1) {
                    throw Settings.refused(Setting.TRUNCATE_AT, truncateAt, "raw with a temperature_schedule");
                }
                float temperature = truncateAt.equals("raw") ? 1f : (float) teacher.high();
                yield new Selection.TopPK(p, k(settings), temperature, temperatures);
            }
            case TOP_FRACTION -> {
                requireOnly(settings, Setting.TOP_FRACTION);
                yield new Selection.TopFraction(settings.number(Setting.TOP_FRACTION, 0, 1, false), temperatures);
            }
            case DRAWS -> {
                requireOnly(settings, Setting.DRAWS, Setting.HEAD, Setting.DRAW_SEED);
                yield draws(settings, teacher);
            }
            default -> {
                requireOnly(settings, Setting.TOP_K);
                yield new Selection.Chosen(k(settings), temperatures);
            }
        };
    }

    private static Selection draws(Settings settings, Temperatures teacher) {
        if (!teacher.asked().isEmpty()) {
            throw Settings.refused(
                    Setting.TEACHER_TEMPERATURE, teacher.high(), "1 with selection=draws, which are drawn at 1");
        }
        return new Selection.Draws(
                settings.integer(Setting.DRAWS, 1, Selection.MAX_DRAWS),
                settings.integer(Setting.HEAD, 0, Selection.MAX_VOCABULARY_SIZE),
                settings.whole(Setting.DRAW_SEED, Long.MIN_VALUE, Long.MAX_VALUE),
                List.of());
    }

    private static int k(Settings settings) {
        return settings.integer(Setting.TOP_K, 1, Selection.MAX_VOCABULARY_SIZE);
    }

    /** Refuses parameters of other selections, which would be without effect. */
    private static void requireOnly(Settings settings, Setting... own) {
        for (Setting parameter : PARAMETERS) {
            String value = settings.text(parameter);
            String unset = parameter.defaultValue().orElseThrow();
            if (!List.of(own).contains(parameter) && !value.equals(unset)) {
                throw Settings.refused(
                        parameter, value, "not given with selection=" + settings.text(Setting.SELECTION));
            }
        }
    }

    /** The precision of rows on their way. */
    static Precision precision(Settings settings) {
        if (!settings.isGiven(Setting.ROW_PRECISION)
                && Loss.of(settings.text(Setting.LOSS)).needsLogits()) {
            return Precision.EXACT; // compact rows carry no logits
        }
        String name = settings.choice(Setting.ROW_PRECISION, List.of("exact", "half", "compact"));
        return Precision.valueOf(name.toUpperCase(Locale.ROOT));
    }

    /** A selection with its parameters, temperatures aside, as checkpoints and summaries name it. */
    static String describe(Selection selection) {
        return selection.withTemperatures(List.of()).toString();
    }

    static String describePrecision(TrainingConfig.Distillation distillation) {
        return distillation.asCaptured()
                ? "as captured"
                : distillation.precision().name().toLowerCase(Locale.ROOT);
    }

    /** Refuses a selection that keeps more entries than a vocabulary has. */
    static void requireFits(Selection selection, int vocabularySize) {
        boolean drawn = selection.keepsDraws();
        int kept = selection instanceof Selection.Draws rule ? rule.head() : selection.mostEntries(vocabularySize);
        if (kept > vocabularySize) {
            throw Settings.refused(
                    drawn ? Setting.HEAD : Setting.TOP_K,
                    kept,
                    "at most the tokenizer's vocabulary, " + vocabularySize);
        }
    }
}
