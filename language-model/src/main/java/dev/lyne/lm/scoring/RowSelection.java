package dev.lyne.lm.scoring;

import java.util.List;

/**
 * What a row holds beside the log of the mass not kept and the log-probability of the data token.
 *
 * @param kept its entries
 * @param temperatures temperatures τ that each row carries c_τ = −log Σ_V exp(lp/τ) for
 * @param rawLogits whether the logits of the kept entries come too, and the log-sum-exp of all
 */
public record RowSelection(Kept kept, List<Float> temperatures, boolean rawLogits) {
    public RowSelection {
        temperatures = List.copyOf(temperatures);
        for (float temperature : temperatures) {
            if (!(temperature > 0) || Float.isInfinite(temperature)) {
                throw new IllegalArgumentException("temperature: " + temperature + " (expected: finite, above 0)");
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
