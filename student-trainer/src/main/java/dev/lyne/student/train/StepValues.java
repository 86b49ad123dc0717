package dev.lyne.student.train;

import dev.lyne.student.loss.Loss;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What changes from one optimiser step to the next.
 *
 * @param alpha weight of the distillation loss; the cross-entropy on the labels has 1 − alpha
 * @param taidLambda how far TAID's target is at the teacher, in (0, 1]
 */
record StepValues(
        double learningRate, double alpha, float teacherTemperature, double studentTemperature, double taidLambda) {
    static final String LEARNING_RATE = "learning_rate";
    private static final String ALPHA = "alpha";
    private static final String TEACHER_TEMPERATURE = "teacher_temperature";
    private static final String STUDENT_TEMPERATURE = "student_temperature";
    private static final String TAID_LAMBDA = "taid_lambda";

    /** Every name that a value can have. */
    static final List<String> NAMES =
            List.of(LEARNING_RATE, ALPHA, TEACHER_TEMPERATURE, STUDENT_TEMPERATURE, TAID_LAMBDA);

    /**
     * The values by the names that metrics, events and reports give them; of a student without a teacher the learning rate alone.
     *
     * @param loss that is minimised on the teacher's rows; empty without a teacher
     */
    Map<String, Double> named(Optional<Loss> loss) {
        Map<String, Double> named = new LinkedHashMap<>();
        named.put(LEARNING_RATE, learningRate);
        if (loss.isPresent()) {
            named.put(ALPHA, alpha);
            named.put(TEACHER_TEMPERATURE, (double) teacherTemperature);
            named.put(STUDENT_TEMPERATURE, studentTemperature);
            if (loss.get() == Loss.TAID) {
                named.put(TAID_LAMBDA, taidLambda);
            }
        }
        return named;
    }
}
