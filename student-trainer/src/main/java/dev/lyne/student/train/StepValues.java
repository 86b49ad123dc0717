package dev.lyne.student.train;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Values that change from one optimiser step to the next.
 *
 * @param alpha weight of the distillation loss; the cross-entropy on the labels has 1 − alpha
 * @param ofLoss the values that the loss has learnt, by name
 */
record StepValues(
        double learningRate,
        double alpha,
        float teacherTemperature,
        double studentTemperature,
        Map<String, Double> ofLoss) {
    static final String LEARNING_RATE = "learning_rate";
    private static final String ALPHA = "alpha";
    private static final String TEACHER_TEMPERATURE = "teacher_temperature";
    private static final String STUDENT_TEMPERATURE = "student_temperature";

    /** The columns of a batch that are no scheduled value's, beside those of targets. */
    private static final Set<String> COLUMNS = Set.of("label", "data_weight", "distillation_weight");

    /** Whether a loss's value cannot have this name: it is another value's, a metric's or a column's. */
    static boolean isTaken(String name) {
        return Set.of(LEARNING_RATE, ALPHA, TEACHER_TEMPERATURE, STUDENT_TEMPERATURE, OwnTextFeed.SHARE)
                        .contains(name)
                || MetricsFile.OWN.contains(name)
                || COLUMNS.contains(name)
                || name.startsWith(TargetColumns.PREFIX);
    }

    /**
     * The values by the names that metrics, events and reports give them; of a student without a teacher the learning rate alone.
     *
     * @param taught whether a loss is minimised on a teacher's rows
     */
    Map<String, Double> named(boolean taught) {
        Map<String, Double> named = new LinkedHashMap<>();
        named.put(LEARNING_RATE, learningRate);
        if (taught) {
            named.put(ALPHA, alpha);
            named.put(TEACHER_TEMPERATURE, (double) teacherTemperature);
            named.put(STUDENT_TEMPERATURE, studentTemperature);
            named.putAll(ofLoss);
        }
        return named;
    }
}
