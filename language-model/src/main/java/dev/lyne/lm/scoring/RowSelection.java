package dev.lyne.lm.scoring;

import java.util.List;

/**
 * Which entries of a row are kept: the smallest prefix in descending order of probability whose cumulative probability
 * reaches p − 1e-12, and at most k of it (top-p-k, arXiv 2410.16215); p = 1 keeps exactly k (top-k). Ties go to the lower id.
 *
 * @param k most entries a row, 1 to the vocabulary size
 * @param p cumulative probability to reach, in (0, 1]; 1 switches the test off
 * @param truncationTemperature temperature the cumulative probability is taken at, above 0
 * @param temperatures temperatures τ that each row carries c_τ = −log Σ_V exp(lp/τ) for
 */
public record RowSelection(int k, double p, float truncationTemperature, List<Float> temperatures) {
    public RowSelection {
        if (k < 1) {
            throw new IllegalArgumentException("k: " + k + " (expected: 1..vocabulary_size)");
        }
        if (!(p > 0 && p <= 1)) {
            throw new IllegalArgumentException("p: " + p + " (expected: above 0, at most 1)");
        }
        if (!(truncationTemperature > 0) || Float.isInfinite(truncationTemperature)) {
            throw new IllegalArgumentException(
                    "truncation_temperature: " + truncationTemperature + " (expected: finite, above 0)");
        }
        temperatures = List.copyOf(temperatures);
        for (float temperature : temperatures) {
            if (!(temperature > 0) || Float.isInfinite(temperature)) {
                throw new IllegalArgumentException("temperature: " + temperature + " (expected: finite, above 0)");
            }
        }
    }

    /** The k most probable tokens. */
    public static RowSelection topK(int k) {
        return new RowSelection(k, 1.0, 1f, List.of());
    }
}
