package dev.lyne.student.loss;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** The losses that come with the program. Each is a script of its own, named like its key; a new one takes that file and a line here. */
public enum BuiltInLoss implements Loss {
    /** KL(t‖s). */
    FORWARD_KL(Shape.LINEAR),
    /** KL(s‖t). */
    REVERSE_KL(Shape.CURVED),
    /** β KL(t‖m) + (1 − β) KL(s‖m), m = βt + (1 − β)s; forward KL at β = 0, reverse KL at β = 1 (GKD, arXiv 2306.13649). */
    JSD(Shape.CURVED, Parameter.between("beta", 0.5, 0, 1)),
    /** KL(t‖αt + (1 − α)s) (DistiLLM, arXiv 2402.03898). */
    SKEW_FORWARD_KL(Shape.CURVED, Parameter.between("alpha", 0.1, 0, 0.999)),
    /** KL(s‖(1 − α)t + αs) (DistiLLM, arXiv 2402.03898). */
    SKEW_REVERSE_KL(Shape.CURVED, Parameter.between("alpha", 0.1, 0, 0.999)),
    /** ½ Σ |t − s|. */
    TOTAL_VARIATION(Shape.CURVED),
    /** −Σ t log s, the NLL of pre-training distillation (arXiv 2410.16215). */
    SOFT_CROSS_ENTROPY(Shape.LINEAR),
    /** Mean over the kept ids of the squared difference of logits, each side centred on them (arXiv 2410.16215). */
    MSE_LOGITS(Shape.LOGITS),
    /** Forward KL on the teacher's head, reverse KL on its tail, weighted by where they differ (arXiv 2404.02657). */
    AKL(Shape.CURVED, Parameter.between("head", 0.5, 0, 1)),
    /** KL(p‖s), p between student and teacher, moving to the teacher from the parameter on (arXiv 2501.16937); {@link TaidState}. */
    TAID(Shape.CURVED, new Parameter("start", 0.4, "above 0, at most 1", value -> value > 0 && value <= 1)),
    /**
     * Soft cross-entropy times 1 − exp(−r), r = t_y/s_y of the label y where the parameter is 1, s_y/t_y where it is −1 (SLIM,
     * Raman et al. 2023); column {@code teacher_label_log_prob}.
     */
    SLIM(Shape.LINEAR, new Parameter("ratio", 1, "1 or -1", value -> Math.abs(value) == 1)),
    /**
     * KL of the masses of kept ids and tail, plus a times KL within the kept ids at the parameter's temperature, a the teacher's kept
     * mass (LFM2, arXiv 2511.23404); at temperature 1 the forward KL of the buckets.
     */
    DECOUPLED_TOP_K(
            Shape.CURVED, new Parameter("temperature", 1, "0.01 to 100", value -> value >= 0.01 && value <= 100)),
    /** The loss {@link #DECOUPLED_TOP_K} with weight 1 in the place of a. */
    DECOUPLED_TOP_K_UNWEIGHTED(
            Shape.CURVED, new Parameter("temperature", 1, "0.01 to 100", value -> value >= 0.01 && value <= 100)),
    /** Cross-entropy against the frequencies of draws (arXiv 2503.16870). */
    RANDOM_SAMPLING(Shape.DRAWS);

    private final Shape shape;
    private final Optional<Parameter> parameter;

    BuiltInLoss(Shape shape) {
        this.shape = shape;
        this.parameter = Optional.empty();
    }

    BuiltInLoss(Shape shape, Parameter parameter) {
        this.shape = shape;
        this.parameter = Optional.of(parameter);
    }

    @Override
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    @Override
    public Shape shape() {
        return shape;
    }

    @Override
    public Optional<Parameter> parameter() {
        return parameter;
    }

    @Override
    public boolean isReverse(double parameter) {
        return switch (this) {
            case REVERSE_KL, AKL -> true;
            case JSD -> parameter == 1;
            case SKEW_REVERSE_KL -> parameter == 0;
            default -> false;
        };
    }

    @Override
    public boolean takesDraws() {
        return shape == Shape.DRAWS || this == FORWARD_KL || this == SOFT_CROSS_ENTROPY;
    }

    @Override
    public String script(double parameter) {
        BuiltInLoss computed = switch (this) {
            case JSD -> parameter == 0 ? FORWARD_KL : parameter == 1 ? REVERSE_KL : JSD;
            case RANDOM_SAMPLING -> SOFT_CROSS_ENTROPY;
            case DECOUPLED_TOP_K_UNWEIGHTED -> DECOUPLED_TOP_K;
            default -> this;
        };
        return ScriptText.beside(BuiltInLoss.class, "divergence/" + computed.key())
                .replace("WEIGHTED", this == DECOUPLED_TOP_K ? "True" : "False");
    }

    @Override
    public Set<MissingMass> treatments() {
        boolean decoupled = this == DECOUPLED_TOP_K || this == DECOUPLED_TOP_K_UNWEIGHTED;
        return decoupled ? EnumSet.of(MissingMass.TAIL_BUCKET) : Loss.super.treatments();
    }

    @Override
    public LossState begin(double parameter, long steps) {
        return this == TAID ? new TaidState(parameter, steps) : LossState.NONE;
    }
}
