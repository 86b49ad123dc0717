package dev.lyne.student.loss;

import dev.lyne.lm.training.LossScript;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/**
 * A loss on a teacher's rows, with everything that decides what it is. With the cross-entropy on the labels it makes a row's loss
 * data_weight · CE + distillation_weight · τ² · D, D of the student at temperature τ.
 *
 * <p>Columns of the script: {@code data_weight} and {@code distillation_weight}, `[rows]`; {@code teacher_ids}, `[rows, k]`;
 * {@code teacher_log_probs}, `[rows, k]`, at the teacher's temperature, in descending order, −∞ past a row's count, whose ids do not
 * matter; {@code teacher_log_tail}, `[rows]`, log of t_R. Beyond those, {@code teacher_weights} `[rows, k]` for draws, the shares of the
 * target that they stand for; {@code teacher_logits} `[rows, k]` over the teacher's temperature where {@link Loss#needsLogits};
 * {@code teacher_label_log_prob} `[rows]` for SLIM and own text; a column `[rows]` for each value of the loss's state. Sums: {@code loss}; {@code nll} over all rows, unweighted;
 * {@code divergence}, D over the rows whose distillation weight is above 0, unweighted; those of {@link OwnText} where the student
 * trains on text of its own, which {@code nll} leaves out. A row whose weights are 0 adds nothing, and one that keeps no id has no D.
 *
 * @param missing what is made of missing mass; absent where none can be missing
 * @param parameter the loss's number; absent where it takes none
 * @param drawn whether the targets are shares of draws
 * @param studentTemperature τ of the student's distribution; above 0, or {@link #BY_COLUMN}
 * @param temperatureSquared whether D counts τ² times
 * @param ownText what is minimised on text that the student wrote itself; absent where there is none
 */
public record DistillationLoss(
        Loss loss,
        Optional<MissingMass> missing,
        OptionalDouble parameter,
        boolean drawn,
        double studentTemperature,
        boolean temperatureSquared,
        Optional<OwnText> ownText) {
    /** Stands for a student temperature that the column {@code student_temperature} gives, the same in all rows of a batch. */
    public static final double BY_COLUMN = 0;

    public DistillationLoss {
        if (drawn && !loss.takesDraws()) {
            throw new IllegalArgumentException("loss: " + loss.key()
                    + " on draws, where it is biased (expected: one of " + keys(Loss::takesDraws) + ")");
        }
        if (!drawn && loss.needsDraws()) {
            throw new IllegalArgumentException(
                    "loss: " + loss.key() + " without draws (expected: a selection that draws)");
        }
        if (missing.isPresent() && (drawn || loss.treatments().isEmpty())) {
            throw new IllegalArgumentException("missing_mass: " + missing.get().key() + " with loss=" + loss.key()
                    + (drawn ? " on draws" : "") + " (expected: none given, as no mass is missing)");
        }
        if (missing.isPresent() && !loss.treatments().contains(missing.get())) {
            throw new IllegalArgumentException("missing_mass: " + missing.get().key() + " with loss=" + loss.key()
                    + " (expected: "
                    + loss.treatments().stream().map(MissingMass::key).collect(Collectors.joining(", ")) + ")");
        }
        if (parameter.isPresent()) {
            requireParameter(loss, parameter.getAsDouble());
        }
        if (studentTemperature != BY_COLUMN && !(studentTemperature > 0) || Double.isInfinite(studentTemperature)) {
            throw new IllegalArgumentException(
                    "student_temperature: " + studentTemperature + " (expected: finite, above 0)");
        }
        if (missing.isEmpty() && !drawn && !loss.treatments().isEmpty()) {
            missing = Optional.of(MissingMass.TAIL_BUCKET);
        }
        if (parameter.isEmpty() && loss.parameter().isPresent()) {
            parameter = OptionalDouble.of(loss.parameter().get().defaultValue());
        }
        if (ownText.isPresent()) {
            ownText.get().requireFits(loss, missing, drawn);
            ownText.get().requireSameState(loss, parameter);
        }
    }

    /** A loss on data alone. */
    public DistillationLoss(
            Loss loss,
            Optional<MissingMass> missing,
            OptionalDouble parameter,
            boolean drawn,
            double studentTemperature,
            boolean temperatureSquared) {
        this(loss, missing, parameter, drawn, studentTemperature, temperatureSquared, Optional.empty());
    }

    /** Returns this loss on data, with that one on text that the student wrote itself. */
    public DistillationLoss with(OwnText own) {
        return new DistillationLoss(
                loss, missing, parameter, drawn, studentTemperature, temperatureSquared, Optional.of(own));
    }

    /** A loss with its defaults on rows that are not drawn, or on draws where it is for those; temperature 1. */
    public static DistillationLoss of(Loss loss) {
        return new DistillationLoss(loss, Optional.empty(), OptionalDouble.empty(), loss.needsDraws(), 1, true);
    }

    private static void requireParameter(Loss loss, double value) {
        Loss.Parameter known = loss.parameter()
                .orElseThrow(() -> new IllegalArgumentException("loss_parameter: " + value + " with loss=" + loss.key()
                        + " (expected: none given, as it takes no number)"));
        if (!known.allowed().test(value)) {
            throw new IllegalArgumentException("loss_parameter: " + value + " with loss=" + loss.key() + " (expected: "
                    + known.name() + ", " + known.expected() + ")");
        }
    }

    private static String keys(java.util.function.Predicate<Loss> which) {
        return java.util.stream.Stream.<Loss>of(BuiltInLoss.values())
                .filter(which)
                .map(Loss::key)
                .collect(Collectors.joining(", "));
    }

    /** The script. */
    public LossScript script() {
        String temperature = studentTemperature == BY_COLUMN
                ? "float(rows[\"student_temperature\"].reshape(-1)[0])"
                : Double.toString(studentTemperature);
        String source = (methods(own("engine")) + methods(own("targets/" + target())) + methods(labels()))
                        .replace("STUDENT_TEMPERATURE", temperature)
                        .replace("LOSS_SCALE", temperatureSquared ? "(tau * tau)" : "1.")
                + divergence();
        List<String> terms = new ArrayList<>(List.of("loss", "nll", "divergence"));
        if (ownText.isPresent()) {
            terms.addAll(OwnText.TERMS);
        }
        return new LossScript(source, terms);
    }

    private String labels() {
        return ownText.map(own -> own("labels/own_text") + own.policy().script())
                .orElseGet(() -> own("labels/cross_entropy"));
    }

    /** The divergence; where own text has another, each under a name of its own, and the choice between them. */
    private String divergence() {
        String onData = divergence(loss, parameter.orElse(0));
        if (ownText.isEmpty() || ownText.get().isLike(loss, parameter)) {
            return onData;
        }
        String onOwnText =
                divergence(ownText.get().loss(), ownText.get().parameter().orElse(0));
        return onData.replace("def divergence(", "def divergence_on_data(")
                + onOwnText.replace("def divergence(", "def divergence_on_own_text(")
                + methods(own("labels/divergence_by_text"));
    }

    private static String divergence(Loss loss, double number) {
        return methods(loss.script(number))
                .replace("LOG_OF_PARAMETER", logarithm(number))
                .replace("LOG_OF_REST", logarithm(1 - number))
                .replace("PARAMETER", Double.toString(number));
    }

    private String target() {
        if (loss.needsLogits()) {
            return "raw_logits";
        }
        return drawn ? "draws" : missing.orElseThrow().key();
    }

    private static String logarithm(double value) {
        return value > 0 ? Double.toString(Math.log(value)) : "-inf";
    }

    /** Returns the state of what the loss learns, at the beginning of a run of so many steps. */
    public LossState begin(long steps) {
        return loss.begin(parameter.orElse(0), steps);
    }

    private static String own(String name) {
        return ScriptText.beside(DistillationLoss.class, name);
    }

    /** A script, indented as members of a class. */
    private static String methods(String script) {
        return script.lines().map(line -> "  " + line).collect(Collectors.joining("\n", "", "\n"));
    }
}
