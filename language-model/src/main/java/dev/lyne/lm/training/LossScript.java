package dev.lyne.lm.training;

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
public record LossScript(String source, List<String> terms) {}
