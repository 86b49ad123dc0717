package dev.lyne.wire;

import java.util.HashSet;
import java.util.List;

/** Which entries of a row are kept, and the temperatures that it carries offsets for. Rows are at temperature 1. */
public sealed interface Selection {
    /** Largest vocabulary that blocks can carry. */
    int MAX_VOCABULARY_SIZE = 1 << 20;

    /** Most draws a row. */
    int MAX_DRAWS = 1 << 16;

    /** Smallest temperature: an error of a coded log-probability grows by 1/τ. */
    float MIN_TEMPERATURE = 0.01f;

    /** Largest temperature. */
    float MAX_TEMPERATURE = 1000f;

    /** Most entries of a row over a vocabulary of this size. */
    int mostEntries(int vocabularySize);

    /**
     * Temperatures τ that each row carries c_τ = −log Σ_V exp(lp/τ) and the log tail mass for; none is needed for τ = 1. From
     * {@link #MIN_TEMPERATURE} to {@link #MAX_TEMPERATURE}, distinct.
     */
    List<Float> temperatures();

    /** The same entries, with offsets for other temperatures. */
    Selection withTemperatures(List<Float> others);

    /** Whether every row keeps {@link #mostEntries}, no fewer. */
    default boolean keepsAlways() {
        return false;
    }

    /** Refuses a selection that this vocabulary cannot answer. */
    default void checkFits(int vocabularySize) {
        if (mostEntries(vocabularySize) > vocabularySize) {
            throw new IllegalArgumentException("selection: k " + mostEntries(vocabularySize)
                    + " (expected: 1..vocabulary_size=" + vocabularySize + ")");
        }
    }

    /** The k most probable tokens; ties go to the lower id. */
    record TopK(int k, List<Float> temperatures) implements Selection {
        public TopK {
            temperatures = checked(k, temperatures);
        }

        @Override
        public TopK withTemperatures(List<Float> others) {
            return new TopK(k, others);
        }

        @Override
        public String toString() {
            return "top_k top_k=" + k + Selection.offsets(temperatures);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return k;
        }

        @Override
        public boolean keepsAlways() {
            return true;
        }
    }

    /**
     * The smallest prefix in descending order whose cumulative probability reaches p − 1e-12, capped at k entries
     * (top-p-k, arXiv 2410.16215).
     *
     * @param p cumulative probability, in (0, 1]
     * @param truncationTemperature temperature that the cumulative probability is taken at, {@link #MIN_TEMPERATURE} to {@link #MAX_TEMPERATURE}
     */
    record TopPK(double p, int k, float truncationTemperature, List<Float> temperatures) implements Selection {
        public TopPK {
            temperatures = checked(k, temperatures);
            if (!(p > 0 && p <= 1)) {
                throw new IllegalArgumentException("selection: p " + p + " (expected: above 0, at most 1)");
            }
            checkTemperature("truncation_temperature", truncationTemperature);
        }

        @Override
        public TopPK withTemperatures(List<Float> others) {
            return new TopPK(p, k, truncationTemperature, others);
        }

        @Override
        public String toString() {
            return "top_p_k top_p=" + p + " top_k=" + k + " truncated_at=" + truncationTemperature
                    + Selection.offsets(temperatures);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return k;
        }
    }

    /** The most probable tokens, a fraction of the vocabulary: ⌈fraction · vocabulary size⌉ of them (SLIM keeps 0.05). */
    record TopFraction(double fraction, List<Float> temperatures) implements Selection {
        public TopFraction {
            temperatures = checked(1, temperatures);
            if (!(fraction > 0 && fraction <= 1)) {
                throw new IllegalArgumentException(
                        "selection: fraction " + fraction + " (expected: above 0, at most 1)");
            }
        }

        @Override
        public TopFraction withTemperatures(List<Float> others) {
            return new TopFraction(fraction, others);
        }

        @Override
        public String toString() {
            return "top_fraction top_fraction=" + fraction + Selection.offsets(temperatures);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return Math.min(vocabularySize, (int) Math.ceil(fraction * vocabularySize));
        }

        @Override
        public boolean keepsAlways() {
            return true;
        }
    }

    /**
     * The distinct tokens of {@code draws} independent draws with replacement, with how often each came (random sampling KD, arXiv
     * 2503.16870); with a head, its tokens are kept exactly and the draws are from the tail alone. Draws are a function of seed,
     * sequence and position.
     *
     * @param head most probable tokens kept beside the draws, their draw count 0; 0 for none
     */
    record Draws(int draws, int head, long seed, List<Float> temperatures) implements Selection {
        public Draws {
            temperatures = checked(1, temperatures);
            if (draws < 1 || draws > MAX_DRAWS) {
                throw new IllegalArgumentException("selection: draws " + draws + " (expected: 1.." + MAX_DRAWS + ")");
            }
            if (head < 0 || head > MAX_VOCABULARY_SIZE) {
                throw new IllegalArgumentException("selection: head " + head + " (expected: 0..vocabulary_size)");
            }
        }

        @Override
        public Draws withTemperatures(List<Float> others) {
            return new Draws(draws, head, seed, others);
        }

        @Override
        public String toString() {
            return "draws draws=" + draws + " head=" + head + " draw_seed=" + seed + Selection.offsets(temperatures);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return (int) Math.min(vocabularySize, (long) draws + head);
        }

        @Override
        public void checkFits(int vocabularySize) {
            if (head > vocabularySize) {
                throw new IllegalArgumentException(
                        "selection: head " + head + " (expected: 0..vocabulary_size=" + vocabularySize + ")");
            }
        }
    }

    /** Tokens that the student names for each position, at most k; they come back in descending order of probability. */
    record Chosen(int k, List<Float> temperatures) implements Selection {
        public Chosen {
            temperatures = checked(k, temperatures);
        }

        @Override
        public Chosen withTemperatures(List<Float> others) {
            return new Chosen(k, others);
        }

        @Override
        public String toString() {
            return "chosen top_k=" + k + Selection.offsets(temperatures);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return k;
        }
    }

    /** No entries: the log-probability of the label alone. */
    record LabelOnly(List<Float> temperatures) implements Selection {
        public LabelOnly {
            temperatures = checked(1, temperatures);
        }

        @Override
        public LabelOnly withTemperatures(List<Float> others) {
            return new LabelOnly(others);
        }

        @Override
        public String toString() {
            return "label_only" + Selection.offsets(temperatures);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return 0;
        }

        @Override
        public boolean keepsAlways() {
            return true;
        }
    }

    private static String offsets(List<Float> temperatures) {
        return temperatures.isEmpty() ? "" : " temperatures=" + temperatures;
    }

    private static List<Float> checked(int k, List<Float> temperatures) {
        if (k < 1 || k > MAX_VOCABULARY_SIZE) {
            throw new IllegalArgumentException("selection: k " + k + " (expected: 1..vocabulary_size)");
        }
        temperatures.forEach(temperature -> checkTemperature("temperature", temperature));
        if (new HashSet<>(temperatures).size() != temperatures.size()) {
            throw new IllegalArgumentException("selection: temperatures " + temperatures + " (expected: distinct)");
        }
        return List.copyOf(temperatures);
    }

    private static void checkTemperature(String name, float temperature) {
        if (!(temperature >= MIN_TEMPERATURE && temperature <= MAX_TEMPERATURE)) {
            throw new IllegalArgumentException("selection: " + name + " " + temperature + " (expected: "
                    + MIN_TEMPERATURE + ".." + MAX_TEMPERATURE + ")");
        }
    }
}
