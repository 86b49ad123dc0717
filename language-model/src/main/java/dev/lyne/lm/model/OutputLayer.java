package dev.lyne.lm.model;

/**
 * Steps from the output matrix's products W·h to logits: (W·h + b)·scale, then c·tanh(·/c) where there is a softcap c.
 *
 * @param bias whether there is a b, of its own tensor; only beside an output matrix that is not tied
 * @param scale the inverse of a temperature that belongs to the model
 * @param softcap c; 0 for none
 */
public record OutputLayer(boolean bias, double scale, double softcap) {
    /** W·h alone. */
    public static final OutputLayer PLAIN = new OutputLayer(false, 1, 0);

    public OutputLayer {
        if (!(scale > 0) || Double.isInfinite(scale)) {
            throw new IllegalArgumentException("logit scale: " + scale + " (expected: finite, above 0)");
        }
        if (!(softcap >= 0) || Double.isInfinite(softcap)) {
            throw new IllegalArgumentException(
                    "final_logit_softcapping: " + softcap + " (expected: finite, 0 or more)");
        }
    }
}
