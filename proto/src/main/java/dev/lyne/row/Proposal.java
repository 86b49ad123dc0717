package dev.lyne.row;

/**
 * The distribution that a token is drawn from: a model's at a temperature, cut to the most probable ids.
 *
 * @param temperature divides the logits, 0 or more; 0 takes the most probable token (the lower id of equals)
 * @param topP keeps the smallest set of ids whose probability at the temperature reaches it, ties to the lower id; in (0, 1]
 */
public record Proposal(double temperature, double topP) {
    /** A model's distribution itself. */
    public static final Proposal PLAIN = new Proposal(1, 1);

    public Proposal {
        if (!(temperature >= 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("temperature: " + temperature + " (expected: finite, 0 or more)");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("top_p: " + topP + " (expected: above 0, at most 1)");
        }
    }

    /** Returns whether draws are from the model's distribution itself. */
    public boolean isPlain() {
        return temperature == 1 && topP == 1;
    }
}
