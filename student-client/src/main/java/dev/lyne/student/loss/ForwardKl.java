package dev.lyne.student.loss;

import dev.lyne.lm.training.LossScript;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Cross-entropy on the data and forward KL, KL(t‖s), on sparse targets with a tail bucket, fused: a row's loss is
 * data_weight · CE + distillation_weight · τ² · (Σ_K w log(t/s) + t_R log(t_R/s_R)), where s is the student at temperature τ and
 * weights and tail sum to one. Where entries are the teacher's most probable ones, or any others that do not depend on chance, w = t.
 * Where they are drawn, w is the share of the draws that fell on them and there is no tail: the sum is then an unbiased
 * estimate of the divergence over the whole vocabulary, and its gradient s_j − w_j one of the full gradient (random sampling KD,
 * arXiv 2503.16870). Beside an exact head, whose w = t, the draws share what the head leaves.
 *
 * <p>Columns: {@code data_weight} and {@code distillation_weight}, `[rows]`; {@code teacher_ids}, `[rows, k]`;
 * {@code teacher_log_probs}, `[rows, k]`, −∞ past a row's count, whose ids do not matter; {@code teacher_weights}, `[rows, k]`, 0
 * past it; {@code teacher_log_tail}, `[rows]`, −∞ where there is no tail bucket. Sums: {@code loss}; {@code nll} over all rows, unweighted; {@code divergence} over the rows
 * whose distillation weight is above 0, unweighted.
 */
public final class ForwardKl {
    private static final String RESOURCE = "forward_kl.py";

    private ForwardKl() {}

    /**
     * The script.
     *
     * @param studentTemperature τ of the student's distribution; above 0
     */
    public static LossScript script(double studentTemperature) {
        if (!(studentTemperature > 0) || Double.isInfinite(studentTemperature)) {
            throw new IllegalArgumentException(
                    "student_temperature: " + studentTemperature + " (expected: finite, above 0)");
        }
        return new LossScript(
                source().replace("STUDENT_TEMPERATURE", Double.toString(studentTemperature)),
                List.of("loss", "nll", "divergence"));
    }

    private static String source() {
        try (InputStream in = ForwardKl.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException(RESOURCE + " is missing from the program");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
