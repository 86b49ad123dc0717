package dev.lyne.lm.training;

import dev.lyne.lm.engine.ScriptSource;
import java.util.List;

/**
 * A loss over rows of logits with its own gradient, as TorchScript source of a method
 *
 * <pre>
 *   def loss(self, logits: Tensor, rows: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
 * </pre>
 *
 * that takes float32 logits `[n, vocab]` and the caller's columns for those n rows (each `[n, …]`, with {@code label} int64
 * `[n]` always among them), and returns the sums of the loss terms, float32 `[terms]`, and the gradient of what is minimised
 * with respect to the logits, `[n, vocab]`. All weighting is the script's, from columns such as {@code data_weight}.
 *
 * @param source the method, not indented, with any methods it calls beside it; they become members of the model's module
 * @param terms names of the returned sums
 */
public record LossScript(String source, List<String> terms) {
    /**
     * The plain language-model loss, of columns {@code label} and {@code data_weight}: minimises the sum over rows of
     * {@code data_weight · −log p(label)}. Its sums: {@code loss}, that sum; {@code nll}, the sum of {@code −log p(label)} in nats over
     * the rows whose weight is not 0.
     */
    public static LossScript crossEntropy() {
        return new LossScript(ScriptSource.CROSS_ENTROPY.methods(), List.of("loss", "nll"));
    }
}
