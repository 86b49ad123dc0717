package dev.lyne.lm.scoring;

import java.util.List;

/**
 * What a row holds beside the log of the mass not kept and the log-probability of the label.
 *
 * @param kept its entries
 * @param temperatures temperatures τ that each row carries c_τ = −log Σ_V exp(lp/τ) for
 * @param rawLogits whether the logits of the kept entries come too, and the log-sum-exp of all
 */
public record RowSelection(Kept kept, List<Float> temperatures, boolean rawLogits) {
    private static final float MIN_TEMPERATURE = 0.01f;
    private static final float MAX_TEMPERATURE = 1000f;

    public RowSelection {
        temperatures = List.copyOf(temperatures);
        for (float temperature : temperatures) {
            if (!(temperature >= MIN_TEMPERATURE && temperature <= MAX_TEMPERATURE)) {
                throw new IllegalArgumentException("temperature: " + temperature + " (expected: " + MIN_TEMPERATURE
                        + ".." + MAX_TEMPERATURE + ")");
            }
        }
    }

    /** The k most probable tokens. */
    public static RowSelection topK(int k) {
        return of(new Kept.Top(k, 1.0, 1f));
    }

    /** Entries alone. */
    public static RowSelection of(Kept kept) {
        return new RowSelection(kept, List.of(), false);
    }
}
