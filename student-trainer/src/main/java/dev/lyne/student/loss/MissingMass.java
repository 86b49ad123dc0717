package dev.lyne.student.loss;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Treatment of the teacher's probability that was not sent, t_R, on ids that are not among the kept ones, K. */
public enum MissingMass {
    /** One more bucket: t_R against the student's share of all ids off K. The default. */
    TAIL_BUCKET,
    /** None: t / Σ_K t on K. The student becomes over-confident by that factor. */
    RENORMALISED,
    /** None: t on K, which then sums to less than 1; the loss may be negative. */
    ZERO,
    /** Both distributions over K alone: no pressure on the ids off K at all. */
    BOTH_RENORMALISED,
    /** Spread evenly over the ids off K. */
    UNIFORM,
    /** Given to the label. */
    RESIDUAL_TO_GOLD;

    /** Name in settings, and of the script. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** All names. */
    public static List<String> keys() {
        return Stream.of(values()).map(MissingMass::key).toList();
    }

    /** The treatment of that name. */
    public static MissingMass of(String key) {
        return Stream.of(values())
                .filter(value -> value.key().equals(key))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "missing_mass: " + key + " (expected: " + String.join(", ", keys()) + ")"));
    }
}
