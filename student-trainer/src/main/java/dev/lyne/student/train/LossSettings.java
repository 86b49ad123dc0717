package dev.lyne.student.train;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.Loss;
import dev.lyne.student.loss.MissingMass;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** The settings that say which loss a student minimises on a teacher's rows. */
final class LossSettings {
    private static final String FORWARD = "teacher_over_student";
    private static final String BACKWARD = "student_over_teacher";

    private LossSettings() {}

    /**
     * The loss on rows of a selection.
     *
     * @param precision of the rows, where it is known
     * @throws IllegalArgumentException for a pair that does not exist, and for a number out of range or of another loss
     */
    static DistillationLoss loss(
            Settings settings, Selection selection, Optional<Precision> precision, Temperatures temperatures) {
        Loss loss = Loss.of(settings.text(Setting.LOSS));
        requireOwn(settings, Setting.SLIM_RATIO, loss, Loss.SLIM);
        requireOwn(settings, Setting.TAID_START, loss, Loss.TAID);
        if (loss.needsLogits() && precision.equals(Optional.of(Precision.COMPACT))) {
            throw Settings.refused(
                    Setting.ROW_PRECISION, "compact", "exact or half with loss=" + loss.key() + ", which takes logits");
        }
        if (loss == Loss.AKL && selection.keepsChosen()) {
            throw Settings.refused(
                    Setting.SELECTION,
                    settings.text(Setting.SELECTION),
                    "one that keeps the teacher's most probable token, which loss=akl has in its head");
        }
        boolean squared = settings.flag(Setting.TEMPERATURE_SQUARED);
        double student = temperatures.studentVaries()
                ? DistillationLoss.BY_COLUMN
                : temperatures.studentAt((float) temperatures.high());
        return new DistillationLoss(
                loss,
                settings.optional(Setting.MISSING_MASS).map(MissingMass::of),
                number(settings, loss),
                selection.keepsDraws(),
                student,
                squared);
    }

    private static OptionalDouble number(Settings settings, Loss loss) {
        Optional<String> given = settings.optional(Setting.LOSS_PARAMETER);
        if (loss == Loss.SLIM) {
            if (given.isPresent()) {
                throw Settings.refused(Setting.LOSS_PARAMETER, given.get(), "not given with loss=slim; see slim_ratio");
            }
            return OptionalDouble.of(
                    settings.choice(Setting.SLIM_RATIO, List.of(FORWARD, BACKWARD))
                                    .equals(FORWARD)
                            ? 1
                            : -1);
        }
        return given.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(settings.number(Setting.LOSS_PARAMETER, 0, 1, true));
    }

    private static void requireOwn(Settings settings, Setting setting, Loss loss, Loss owner) {
        String value = settings.text(setting);
        if (loss != owner && !value.equals(setting.defaultValue().orElseThrow())) {
            throw Settings.refused(setting, value, "not given with loss=" + loss.key());
        }
    }

    /** A loss with what it is combined with, as checkpoints name it. */
    static String describe(DistillationLoss loss) {
        return loss.loss().key()
                + loss.missing()
                        .map(missing -> " missing_mass=" + missing.key())
                        .orElse("")
                + (loss.parameter().isPresent()
                        ? " parameter=" + loss.parameter().getAsDouble()
                        : "")
                + " temperature_squared=" + loss.temperatureSquared();
    }
}
