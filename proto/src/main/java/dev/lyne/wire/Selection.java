package dev.lyne.wire;

import java.util.HashSet;
import java.util.List;

/** Which entries of a row are kept, and the temperatures that it carries offsets for. Rows are at temperature 1. */
public sealed interface Selection {
    /** Largest vocabulary that blocks can carry. */
    int MAX_VOCABULARY_SIZE = 1 << 20;

    /** Most entries a row. */
    int k();

    /** Temperatures τ that each row carries c_τ = −log Σ_V exp(lp/τ) for; none for τ = 1, whose offset is 0. */
    List<Float> temperatures();

    /** Refuses a selection that this vocabulary cannot answer. */
    default void checkFits(int vocabularySize) {
        if (k() > vocabularySize) {
            throw new IllegalArgumentException(
                    "selection: k " + k() + " (expected: 1..vocabulary_size=" + vocabularySize + ")");
        }
    }

    /** The k most probable tokens; ties go to the lower id. */
    record TopK(int k, List<Float> temperatures) implements Selection {
        public TopK {
            temperatures = checked(k, temperatures);
        }
    }

    /**
     * The smallest prefix in descending order whose cumulative probability reaches p − 1e-12, capped at k entries
     * (top-p-k, arXiv 2410.16215).
     *
     * @param p cumulative probability, in (0, 1]
     * @param truncationTemperature temperature that the cumulative probability is taken at, above 0
     */
    record TopPK(double p, int k, float truncationTemperature, List<Float> temperatures) implements Selection {
        public TopPK {
            temperatures = checked(k, temperatures);
            if (!(p > 0 && p <= 1)) {
                throw new IllegalArgumentException("selection: p " + p + " (expected: above 0, at most 1)");
            }
            checkTemperature("truncation_temperature", truncationTemperature);
        }
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
        if (!(temperature > 0) || Float.isInfinite(temperature)) {
            throw new IllegalArgumentException(
                    "selection: " + name + " " + temperature + " (expected: finite, above 0)");
        }
    }
}
