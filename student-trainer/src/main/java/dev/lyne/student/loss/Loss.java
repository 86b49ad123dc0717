package dev.lyne.student.loss;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The losses on a teacher's rows, t the teacher, s the student. Each is a script of its own, named like its key; a new one takes
 * that file and a line here.
 */
public enum Loss {
    /** KL(t‖s). */
    FORWARD_KL(Shape.LINEAR),
    /** KL(s‖t). */
    REVERSE_KL(Shape.CURVED),
    /** β KL(t‖m) + (1 − β) KL(s‖m), m = βt + (1 − β)s; forward KL at β = 0, reverse KL at β = 1 (GKD, arXiv 2306.13649). */
    JSD(Shape.CURVED, new Parameter("beta", 0.5, 0, 1)),
    /** KL(t‖αt + (1 − α)s) (DistiLLM, arXiv 2402.03898). */
    SKEW_FORWARD_KL(Shape.CURVED, new Parameter("alpha", 0.1, 0, 0.999)),
    /** KL(s‖(1 − α)t + αs) (DistiLLM, arXiv 2402.03898). */
    SKEW_REVERSE_KL(Shape.CURVED, new Parameter("alpha", 0.1, 0, 0.999)),
    /** ½ Σ |t − s|. */
    TOTAL_VARIATION(Shape.CURVED),
    /** −Σ t log s, the NLL of pre-training distillation (arXiv 2410.16215). */
    SOFT_CROSS_ENTROPY(Shape.LINEAR),
    /** Mean over the kept ids of the squared difference of logits, each side centred on them (arXiv 2410.16215). */
    MSE_LOGITS(Shape.LOGITS),
    /** Forward KL on the teacher's head, reverse KL on its tail, weighted by where they differ (arXiv 2404.02657). */
    AKL(Shape.CURVED, new Parameter("head", 0.5, 0, 1)),
    /** KL(p‖s), p between student and teacher, moving to the teacher (arXiv 2501.16937); column {@code taid_lambda}. */
    TAID(Shape.CURVED),
    /**
     * Soft cross-entropy times 1 − exp(−r), r = t_y/s_y of the label y where the parameter is 1, s_y/t_y where it is −1 (SLIM,
     * Raman et al. 2023); column {@code teacher_label_log_prob}.
     */
    SLIM(Shape.LINEAR, new Parameter("ratio", 1, -1, 1)),
    /** Cross-entropy against the frequencies of draws (arXiv 2503.16870). */
    RANDOM_SAMPLING(Shape.DRAWS);

    /** What a loss is of the teacher's probabilities, which decides what it may be combined with. */
    enum Shape {
        /** Linear in them, so unbiased for draws, and defined for any target. */
        LINEAR,
        /** Not linear in them. */
        CURVED,
        /** Not of them at all: of logits. */
        LOGITS,
        /** For draws alone. */
        DRAWS
    }

    /** A number that a loss takes: its name, default and range. */
    public record Parameter(String name, double defaultValue, double least, double most) {}

    private final Shape shape;
    private final Optional<Parameter> parameter;

    Loss(Shape shape) {
        this.shape = shape;
        this.parameter = Optional.empty();
    }

    Loss(Shape shape, Parameter parameter) {
        this.shape = shape;
        this.parameter = Optional.of(parameter);
    }

    /** Name in settings. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The number that it takes, if any. */
    public Optional<Parameter> parameter() {
        return parameter;
    }

    /** Whether it reads the teacher's raw logits, column {@code teacher_logits}, and no probabilities. */
    public boolean needsLogits() {
        return shape == Shape.LOGITS;
    }

    /** Whether it is for draws alone. */
    public boolean needsDraws() {
        return shape == Shape.DRAWS;
    }

    /** Whether it is unbiased where the teacher's probabilities are frequencies of draws. */
    public boolean takesDraws() {
        return shape == Shape.DRAWS || this == FORWARD_KL || this == SOFT_CROSS_ENTROPY;
    }

    /** The treatments of missing mass that it is defined with; none where nothing can be missing. */
    public Set<MissingMass> treatments() {
        return switch (shape) {
            case LINEAR -> EnumSet.allOf(MissingMass.class);
            case CURVED -> EnumSet.of(MissingMass.TAIL_BUCKET, MissingMass.BOTH_RENORMALISED);
            case LOGITS, DRAWS -> EnumSet.noneOf(MissingMass.class);
        };
    }

    /** All names. */
    public static List<String> keys() {
        return Stream.of(values()).map(Loss::key).toList();
    }

    /** The loss of that name. */
    public static Loss of(String key) {
        return Stream.of(values())
                .filter(value -> value.key().equals(key))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "loss: " + key + " (expected: " + String.join(", ", keys()) + ")"));
    }
}
