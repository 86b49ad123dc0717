package dev.lyne.student.train;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.student.loss.BuiltInLoss;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.Loss;
import dev.lyne.student.loss.MissingMass;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

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
        requireOwn(settings, Setting.SLIM_RATIO, loss, BuiltInLoss.SLIM);
        requireOwn(settings, Setting.TAID_START, loss, BuiltInLoss.TAID);
        if (loss.needsLogits() && precision.equals(Optional.of(Precision.COMPACT))) {
            throw Settings.refused(
                    Setting.ROW_PRECISION, "compact", "exact or half with loss=" + loss.key() + ", which takes logits");
        }
        requireHead(settings, Setting.SELECTION, selection, Setting.LOSS, loss);
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

    /**
     * Refuses rows that may lack the teacher's most probable token, for a loss that reads it.
     *
     * @param setting that says which rows they are
     * @param named the setting that names the loss
     */
    static void requireHead(Settings settings, Setting setting, Selection rows, Setting named, Loss loss) {
        if (loss == BuiltInLoss.AKL && rows.keepsChosen()) {
            throw Settings.refused(
                    setting,
                    settings.text(setting),
                    "one that keeps the teacher's most probable token, which " + named.key() + "=akl has in its head");
        }
    }

    private static OptionalDouble number(Settings settings, Loss loss) {
        Optional<String> given = settings.optional(Setting.LOSS_PARAMETER);
        if (loss == BuiltInLoss.SLIM) {
            requireNone(given, loss, Setting.SLIM_RATIO);
            return OptionalDouble.of(
                    settings.choice(Setting.SLIM_RATIO, List.of(FORWARD, BACKWARD))
                                    .equals(FORWARD)
                            ? 1
                            : -1);
        }
        if (loss == BuiltInLoss.TAID) {
            requireNone(given, loss, Setting.TAID_START);
            return OptionalDouble.of(settings.number(Setting.TAID_START, 0, 1, false));
        }
        if (given.isEmpty()) {
            return OptionalDouble.empty();
        }
        // What a loss takes, it says itself.
        return OptionalDouble.of(settings.number(Setting.LOSS_PARAMETER, -Double.MAX_VALUE, Double.MAX_VALUE, true));
    }

    private static void requireNone(Optional<String> given, Loss loss, Setting instead) {
        if (given.isPresent()) {
            throw Settings.refused(
                    Setting.LOSS_PARAMETER,
                    given.get(),
                    "not given with loss=" + loss.key() + "; see " + instead.key());
        }
    }

    private static void requireOwn(Settings settings, Setting setting, Loss loss, Loss owner) {
        String value = settings.text(setting);
        if (loss != owner && !value.equals(setting.defaultValue().orElseThrow())) {
            throw Settings.refused(setting, value, "not given with loss=" + loss.key());
        }
    }

    /** A loss with what it is combined with, as checkpoints name it. */
    static Map<String, String> identity(DistillationLoss loss) {
        Map<String, String> identity = new TreeMap<>();
        boolean taid = loss.loss() == BuiltInLoss.TAID;
        identity.put("loss", describe(loss, !taid));
        // It stands in the checkpoints of every loss, so that those of before go on.
        identity.put(
                "taid_start",
                taid
                        ? Double.toString(loss.parameter().orElseThrow())
                        : Setting.TAID_START.defaultValue().orElseThrow());
        putScript(identity, Setting.LOSS, loss.loss(), loss.parameter());
        loss.ownText()
                .filter(own -> !own.loss().key().equals(loss.loss().key()))
                .ifPresent(own -> putScript(identity, Setting.OWN_TEXT_LOSS, own.loss(), own.parameter()));
        return identity;
    }

    /** A class of one's own may come back with another formula under its name. */
    private static void putScript(Map<String, String> identity, Setting setting, Loss loss, OptionalDouble parameter) {
        if (!(loss instanceof BuiltInLoss)) {
            identity.put(setting.key() + ".script", sha256(loss.script(parameter.orElse(0))));
        }
    }

    private static String sha256(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String describe(DistillationLoss loss, boolean parameter) {
        return loss.loss().key()
                + loss.missing()
                        .map(missing -> " missing_mass=" + missing.key())
                        .orElse("")
                + (parameter && loss.parameter().isPresent()
                        ? " parameter=" + loss.parameter().getAsDouble()
                        : "")
                + " temperature_squared=" + loss.temperatureSquared();
    }
}
