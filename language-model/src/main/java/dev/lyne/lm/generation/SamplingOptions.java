package dev.lyne.lm.generation;

/**
 * How the next token is drawn.
 *
 * @param temperature divides the logits, 0 or more; 0 takes the most probable token (the lower id of equals)
 * @param topK draws among that many most probable tokens; 0 for all
 * @param topP draws among the smallest set whose probability, after temperature and top-k, reaches it; in (0, 1]
 * @param seed decides the draws
 */
public record SamplingOptions(double temperature, int topK, double topP, long seed) {
    public SamplingOptions {
        if (!(temperature >= 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("temperature: " + temperature + " (expected: finite, 0 or more)");
        }
        if (topK < 0) {
            throw new IllegalArgumentException("top_k: " + topK + " (expected: 0 or more)");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("top_p: " + topP + " (expected: above 0, at most 1)");
        }
    }
}
