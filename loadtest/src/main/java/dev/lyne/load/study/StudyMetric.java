package dev.lyne.load.study;

import dev.lyne.student.evaluate.ExposureBias;
import dev.lyne.student.rollout.ResponseEvaluation;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A figure that students are compared by. */
public enum StudyMetric {
    /** Held-out loss, nats a token. */
    NLL(
            "held-out loss",
            "nats a token",
            Better.LOWER,
            result -> result.evaluation().nll()),
    /** Expected calibration error. */
    CALIBRATION_ERROR(
            "calibration error", "", Better.LOWER, result -> result.evaluation().calibrationError()),
    /** Share of positions whose most probable token is the data's. */
    ACCURACY("accuracy", "", Better.HIGHER, result -> result.evaluation().accuracy()),
    /** Share of positions where student and teacher find the same token most probable. */
    TEACHER_AGREEMENT(
            "agreement with the teacher",
            "",
            Better.HIGHER,
            result -> orNaN(result.evaluation().teacherAgreement())),
    /** Mean KL(teacher‖student) over the captured tokens and one bucket. */
    TEACHER_KL(
            "KL from the teacher",
            "nats a token",
            Better.LOWER,
            result -> orNaN(result.evaluation().teacherKl())),
    /** Rouge-L of responses to held-out prompts against what the text really goes on with. */
    ROUGE_L("Rouge-L", "", Better.HIGHER, result -> ofResponses(result, ResponseEvaluation::rougeL)),
    /** Tokens of a response. */
    RESPONSE_TOKENS(
            "tokens of a response", "", Better.NEITHER, result -> ofResponses(result, ResponseEvaluation::meanLength)),
    /** Distinct 4-grams over all 4-grams of the responses. */
    DISTINCT_4("distinct 4-grams", "", Better.NEITHER, result -> ofResponses(result, ResponseEvaluation::distinct4)),
    /** Expected calibration error where the text of the prompts really goes on. */
    RESPONSE_CALIBRATION_ERROR(
            "calibration error behind prompts",
            "",
            Better.LOWER,
            result -> ofResponses(result, ResponseEvaluation::calibrationError)),
    /** Exposure bias: how much more error gathers on the student's own text than on the teacher's, at the greatest length. */
    EXCESS_ERROR(
            "excess error on own text",
            "per cent",
            Better.LOWER,
            result -> ofResponses(result, responses -> {
                List<ExposureBias.At> bias = responses.exposureBias();
                return bias.isEmpty() ? Double.NaN : bias.get(bias.size() - 1).excessPercent();
            }));

    /** Direction in which a figure is better. */
    enum Better {
        LOWER,
        HIGHER,
        /** No direction: the figure says what a student is like, and not how good. */
        NEITHER
    }

    private static final int DIGITS = 4;

    private final String title;
    private final String unit;
    private final Better better;
    private final ToDoubleFunction<StudyResult> value;

    StudyMetric(String title, String unit, Better better, ToDoubleFunction<StudyResult> value) {
        this.title = title;
        this.unit = unit;
        this.better = better;
        this.value = value;
    }

    private static double orNaN(@org.jspecify.annotations.Nullable Double value) {
        return value == null ? Double.NaN : value;
    }

    private static double ofResponses(StudyResult result, ToDoubleFunction<ResponseEvaluation> value) {
        ResponseEvaluation responses = result.responses();
        return responses == null ? Double.NaN : value.applyAsDouble(responses);
    }

    /** Whether lower or higher values are better. */
    Better better() {
        return better;
    }

    /** Name in files. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Name for people. */
    public String title() {
        return title;
    }

    /** Returns the unit; empty for none. */
    public String unit() {
        return unit;
    }

    /** Digits after the point that are shown. */
    public int digits() {
        return DIGITS;
    }

    /** Returns the figure of a student; NaN where it has none. */
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
