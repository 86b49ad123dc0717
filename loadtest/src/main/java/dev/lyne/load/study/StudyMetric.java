package dev.lyne.load.study;

import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A figure that students are compared by. */
public enum StudyMetric {
    /** Held-out loss, nats a token. */
    NLL("held-out loss", "nats a token", 4, result -> result.evaluation().nll()),
    /** Expected calibration error. */
    CALIBRATION_ERROR("calibration error", "", 4, result -> result.evaluation().calibrationError()),
    /** Share of positions whose most probable token is the data's. */
    ACCURACY("accuracy", "", 4, result -> result.evaluation().accuracy()),
    /** Share of positions where student and teacher find the same token most probable. */
    TEACHER_AGREEMENT(
            "agreement with the teacher",
            "",
            4,
            result -> orNaN(result.evaluation().teacherAgreement())),
    /** Mean KL(teacher‖student) over the captured tokens and one bucket. */
    TEACHER_KL(
            "KL from the teacher",
            "nats a token",
            4,
            result -> orNaN(result.evaluation().teacherKl()));

    private final String title;
    private final String unit;
    private final int digits;
    private final ToDoubleFunction<StudyResult> value;

    StudyMetric(String title, String unit, int digits, ToDoubleFunction<StudyResult> value) {
        this.title = title;
        this.unit = unit;
        this.digits = digits;
        this.value = value;
    }

    private static double orNaN(@org.jspecify.annotations.Nullable Double value) {
        return value == null ? Double.NaN : value;
    }

    /** Name in files. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Name for people. */
    public String title() {
        return title;
    }

    /** Its unit; empty for none. */
    public String unit() {
        return unit;
    }

    /** Digits after the point that are shown. */
    public int digits() {
        return digits;
    }

    /** Of a student; NaN where it has none. */
    public double of(StudyResult result) {
        return value.applyAsDouble(result);
    }

    static StudyMetric ofKey(String key) {
        return Stream.of(values())
                .filter(metric -> metric.key().equals(key))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("metrics: " + key + " (expected: "
                        + Stream.of(values()).map(StudyMetric::key).collect(Collectors.joining(", ")) + ")"));
    }
}
