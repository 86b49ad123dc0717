package dev.lyne.lm.training;

/**
 * How a step is taken: AdamW with decoupled weight decay (arXiv 1711.05101). Matrices decay, the embedding among them; norms
 * and biases do not.
 *
 * @param beta1 decay of the first moment, in [0, 1)
 * @param beta2 decay of the second moment, in [0, 1)
 * @param epsilon added to the root of the second moment, above 0
 * @param weightDecay a unit of learning rate, 0 or more
 * @param clipNorm greatest global norm of the gradients; 0 leaves them as they are
 * @param rowChunk rows of logits that exist at a time
 * @param recompute whether the way back computes each layer again, so that a step keeps no more of one than the stream before it
 */
public record OptimizerOptions(
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        double clipNorm,
        int rowChunk,
        boolean recompute) {
    public OptimizerOptions {
        requireBelowOne("beta1", beta1);
        requireBelowOne("beta2", beta2);
        if (!(epsilon > 0) || Double.isInfinite(epsilon)) {
            throw new IllegalArgumentException("epsilon: " + epsilon + " (expected: finite, above 0)");
        }
        requireNotNegative("weight_decay", weightDecay);
        requireNotNegative("clip_norm", clipNorm);
        if (rowChunk < 1) {
            throw new IllegalArgumentException("row_chunk: " + rowChunk + " (expected: at least 1)");
        }
    }

    /** Nothing is computed again. */
    public OptimizerOptions(
            double beta1, double beta2, double epsilon, double weightDecay, double clipNorm, int rowChunk) {
        this(beta1, beta2, epsilon, weightDecay, clipNorm, rowChunk, false);
    }

    /** Usual for small language models: betas .9 and .95, epsilon 1e-8, decay .1, norm 1, 256 rows. */
    public static OptimizerOptions defaults() {
        return new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, 1.0, 256);
    }

    private static void requireBelowOne(String name, double value) {
        if (!(value >= 0 && value < 1)) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: 0 or more, below 1)");
        }
    }

    private static void requireNotNegative(String name, double value) {
        if (!(value >= 0) || Double.isInfinite(value)) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: finite, 0 or more)");
        }
    }
}
