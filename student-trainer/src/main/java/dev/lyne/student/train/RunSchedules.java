package dev.lyne.student.train;

import java.util.Map;

/** The schedules of a run of so many steps. */
record RunSchedules(Schedule learningRate, Schedule alpha, Temperatures temperatures, long steps) {
    /** Returns the schedules of a configuration. */
    static RunSchedules of(TrainingConfig config, long steps) {
        return new RunSchedules(
                config.optimization().schedule().over(steps),
                config.distillation().alphaSchedule().over(steps),
                config.distillation().temperatures(),
                steps);
    }

    /**
     * The values of a step, counted from 1.
     *
     * @param ofLoss the values that the loss has learnt
     */
    StepValues at(long step, Map<String, Double> ofLoss) {
        float teacher = temperatures.teacherAt(step, steps);
        return new StepValues(
                learningRate.learningRateAt(step), alpha.at(step), teacher, temperatures.studentAt(teacher), ofLoss);
    }
}
