package dev.lyne.lm.training;

import dev.lyne.lm.engine.ScriptSource;
import java.util.List;

/** The plain language-model loss: columns {@code label} and {@code data_weight}. */
public final class CrossEntropy {
    private CrossEntropy() {}

    /**
     * Minimises the sum over rows of {@code data_weight · −log p(label)}. Its sums: {@code loss}, that sum; {@code nll}, the sum of
     * {@code −log p(label)} in nats over the rows whose weight is not 0.
     */
    public static LossScript script() {
        return new LossScript(ScriptSource.CROSS_ENTROPY.methods(), List.of("loss", "nll"));
    }
}
