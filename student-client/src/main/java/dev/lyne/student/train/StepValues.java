package dev.lyne.student.train;

/**
 * What changes from one optimiser step to the next.
 *
 * @param alpha weight of the distillation loss; the data loss has 1 − alpha
 * @param taidLambda how far TAID's target is at the teacher, in (0, 1]
 */
record StepValues(
        double learningRate, double alpha, float teacherTemperature, double studentTemperature, double taidLambda) {}
