package dev.lyne.student.loss;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/**
 * Objective on text that the student wrote, alone or with the teacher: a divergence on the teacher's rows, and a term
 * of the drawn tokens' own log-probabilities.
 *
 * <p>Columns of the script beside those of {@link DistillationLoss}, all `[rows]`: {@code own_text}, 1 in rows of such text, else 0;
 * {@code policy_weight}, the weight of the policy's term; {@code teacher_label_log_prob}; {@code policy_proposal_log_prob}, log p of the
 * distribution that a token was drawn from; those of the policy.
 *
 * @param loss the divergence on its rows, which the row's distillation weight counts
 * @param parameter the loss's number; absent where it takes none, or for its default
 * @param policy the term of the drawn tokens
 */
public record OwnText(Loss loss, OptionalDouble parameter, Policy policy) {
    /**
     * Sums of the script, over rows of own text whose policy weight is above 0: the policy's value; the estimators k1, k2 and k3 of KL(s‖t),
     * nats, each weighed by s/p of the distribution p that the token was drawn from; rows whose ratio is clipped.
     */
    public static final List<String> TERMS = List.of("policy", "k1", "k2", "k3", "clipped");

    public OwnText {
        if (parameter.isEmpty() && loss.parameter().isPresent()) {
            parameter = OptionalDouble.of(loss.parameter().get().defaultValue());
        }
    }

    /** Whether its divergence is that one. */
    boolean isLike(Loss other, OptionalDouble number) {
        return loss.equals(other) && parameter.equals(number);
    }

    /** Refuses a divergence that is not defined on rows of this form. */
    void requireFits(Loss onData, Optional<MissingMass> missing, boolean drawn) {
        if (drawn && !loss.takesDraws() || loss.needsLogits() || loss.needsDraws() && !drawn) {
            throw new IllegalArgumentException("own_text_loss: " + loss.key() + (drawn ? " on draws" : "")
                    + " (expected: a loss that is defined on " + (drawn ? "draws" : "rows of probabilities") + ")");
        }
        if (onData.needsLogits()) { // whose buckets are no probabilities
            throw new IllegalArgumentException("own_text_loss: " + loss.key() + " with loss=" + onData.key()
                    + " (expected: a loss on data that is not of raw logits)");
        }
        if (missing.isPresent() && !loss.treatments().contains(missing.get())) {
            throw new IllegalArgumentException(
                    "missing_mass: " + missing.get().key() + " with own_text_loss=" + loss.key()
                            + " (expected: "
                            + loss.treatments().stream().map(MissingMass::key).collect(Collectors.joining(", ")) + ")");
        }
    }

    /** Refuses another divergence where one of the two learns: a run has one state, which follows the divergence of every step. */
    void requireSameState(Loss onData, OptionalDouble number) {
        boolean same = loss.key().equals(onData.key()) && parameter.equals(number);
        if (!same && (learns(loss, parameter) || learns(onData, number))) {
            throw new IllegalArgumentException("own_text_loss: " + loss.key() + " with loss=" + onData.key()
                    + " (expected: the same loss, where one of them learns from step to step)");
        }
    }

    private static boolean learns(Loss loss, OptionalDouble number) {
        return loss.begin(number.orElse(0), 1) != LossState.NONE;
    }

    /** A term of log s of a token that was drawn. */
    public sealed interface Policy {
        /** The function {@code policy} of its TorchScript. */
        String script();
    }

    /** No term: the divergence alone teaches, as in GKD (arXiv 2306.13649). */
    public record None() implements Policy {
        @Override
        public String script() {
            return ScriptText.beside(OwnText.class, "policy/none");
        }
    }

    /** k2 = (log t − log s)²/2, differentiated; the mean of its gradient over draws from s is that of KL(s‖t). */
    public record SquaredLogRatio() implements Policy {
        @Override
        public String script() {
            return ScriptText.beside(OwnText.class, "policy/k2");
        }
    }

    /** k3 = t/s − 1 − log(t/s), differentiated; the mean of its gradient over draws from s is that of KL(t‖s): forward KL. */
    public record ForwardEstimator() implements Policy {
        @Override
        public String script() {
            return ScriptText.beside(OwnText.class, "policy/k3");
        }
    }

    /**
     * max(−A r, −A clip(r)), r = s/s_old clipped to 1 ± clip (PPO, arXiv 1707.06347, equation 7) of an advantage A, times w = s_old/p
     * of the distribution p that the token was drawn from. Columns {@code policy_advantage}, {@code policy_old_log_prob},
     * {@code policy_proposal_log_prob}.
     *
     * @param clip above 0; infinite: the ratio is never clipped
     * @param weightInside whether r w is what is clipped, as MiniLLM's official code does, and not r
     * @param divergenceWeighted whether a row's divergence counts s/p times, as in MiniLLM's paper (arXiv 2306.08543)
     */
    public record ClippedRatio(double clip, boolean weightInside, boolean divergenceWeighted) implements Policy {
        public ClippedRatio {
            if (!(clip > 0)) {
                throw new IllegalArgumentException("ratio_clip: " + clip + " (expected: above 0)");
            }
        }

        @Override
        public String script() {
            return ScriptText.beside(OwnText.class, "policy/clipped_ratio")
                    .replace("CLIP", Double.isInfinite(clip) ? "inf" : Double.toString(clip))
                    .replace("INSIDE", weightInside ? "True" : "False")
                    .replace("WEIGHED", divergenceWeighted ? "True" : "False");
        }
    }
}
