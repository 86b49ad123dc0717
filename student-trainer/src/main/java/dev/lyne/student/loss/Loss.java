package dev.lyne.student.loss;

import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.DoublePredicate;
import java.util.stream.Stream;

/**
 * A loss on a teacher's rows, t the teacher, s the student. The {@link BuiltInLoss built-in ones} have short names; one of your own
 * is a public class with a public constructor without arguments, named in full as {@code loss} in a run's settings, and a script
 * {@code SIMPLE_NAME.py} beside it, which gives {@code divergence} as the built-in scripts do.
 */
public interface Loss {
    /** Form of a loss as a function of the teacher's probabilities, which decides what it may be combined with. */
    enum Shape {
        /** Linear in them, so defined for any target. */
        LINEAR,
        /** Not linear in them. */
        CURVED,
        /** Not of them at all: of logits. */
        LOGITS,
        /** A loss for draws alone. */
        DRAWS
    }

    /**
     * A number that a loss takes.
     *
     * @param expected which numbers are allowed, for messages
     */
    record Parameter(String name, double defaultValue, String expected, DoublePredicate allowed) {
        /** A number from one to another, both allowed. */
        public static Parameter between(String name, double defaultValue, double least, double most) {
            return new Parameter(name, defaultValue, least + " to " + most, value -> value >= least && value <= most);
        }
    }

    /** Name in settings, checkpoints and summaries: the class's. */
    default String key() {
        return getClass().getName();
    }

    /** Returns the loss's form as a function of the teacher's probabilities. */
    Shape shape();

    /** The number that it takes, if any: {@code loss_parameter}. */
    default Optional<Parameter> parameter() {
        return Optional.empty();
    }

    /**
     * The function {@code divergence} of its TorchScript. {@code PARAMETER}, {@code LOG_OF_PARAMETER} and {@code LOG_OF_REST}, log(1 −
     * parameter), stand for numbers.
     *
     * @param parameter its number; 0 where it takes none
     */
    default String script(double parameter) {
        return ScriptText.beside(getClass(), getClass().getSimpleName());
    }

    /**
     * Returns the state of what it learns from step to step, at the beginning of a run; {@link LossState#NONE} where it
     * learns nothing.
     *
     * @param parameter its number; 0 where it takes none
     * @param steps of the run in all
     */
    default LossState begin(double parameter, long steps) {
        return LossState.NONE;
    }

    /**
     * Returns whether it adds up the log of the student's tail over the teacher's, as a reverse divergence does, so
     * that a teacher whose tails are noise is refused.
     *
     * @param parameter its number; 0 where it takes none
     */
    default boolean isReverse(double parameter) {
        return false;
    }

    /** Returns whether the loss reads the teacher's raw logits, column {@code teacher_logits}, and no probabilities. */
    default boolean needsLogits() {
        return shape() == Shape.LOGITS;
    }

    /** Returns whether the loss is for draws alone. */
    default boolean needsDraws() {
        return shape() == Shape.DRAWS;
    }

    /** Returns whether the loss is unbiased where the teacher's probabilities are frequencies of draws. */
    default boolean takesDraws() {
        return shape() == Shape.DRAWS;
    }

    /** The treatments of missing mass that it is defined with; none where nothing can be missing. */
    default Set<MissingMass> treatments() {
        return switch (shape()) {
            case LINEAR -> EnumSet.allOf(MissingMass.class);
            case CURVED -> EnumSet.of(MissingMass.TAIL_BUCKET, MissingMass.BOTH_RENORMALISED);
            case LOGITS, DRAWS -> EnumSet.noneOf(MissingMass.class);
        };
    }

    /** The names of the built-in losses. */
    static List<String> keys() {
        return Stream.of(BuiltInLoss.values()).map(Loss::key).toList();
    }

    /**
     * The loss of that name: a built-in one, or where the name has a dot, of the class on the class path.
     *
     * @throws IllegalArgumentException where there is none, or the class is no loss
     */
    static Loss of(String key) {
        return key.contains(".") ? ofClass(key) : builtIn(key);
    }

    private static Loss builtIn(String key) {
        return Stream.of(BuiltInLoss.values())
                .filter(value -> value.key().equals(key))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("loss: " + key + " (expected: "
                        + String.join(", ", keys()) + ", or the full name of a loss of your own)"));
    }

    private static Loss ofClass(String name) {
        try {
            Class<?> found = Class.forName(name);
            if (!Loss.class.isAssignableFrom(found) || found.isEnum()) {
                throw new IllegalArgumentException("loss: " + name + " is no loss (expected: a class that implements "
                        + Loss.class.getName() + ")");
            }
            return (Loss) found.getConstructor().newInstance();
        } catch (ClassNotFoundException e) {
            throw new IllegalArgumentException("loss: " + name + " (expected: a class on the class path)", e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException(
                    "loss: " + name + ": " + e
                            + " (expected: a public class with a public constructor without arguments)",
                    e);
        }
    }
}
