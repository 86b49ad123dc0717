package dev.lyne.student.train;

import dev.lyne.student.checkpoint.RunState;
import java.util.Map;

/** Told how a run goes, on the training thread but for notices; what it does holds training up. */
public interface ProgressListener {
    /** Listens to nothing. */
    static ProgressListener none() {
        return new ProgressListener() {};
    }

    /** So many bytes of the corpus named have been tokenised; all of them once, at the end. */
    default void onTokenise(String corpus, long doneBytes, long totalBytes) {}

    /** Training is about to begin, or to go on. */
    default void onStart(Start start) {}

    /** A step was applied. */
    default void onStep(Step step) {}

    /** Held-out text was evaluated. */
    default void onEvaluation(RunState.HeldOut heldOut) {}

    /** A checkpoint stands. */
    default void onCheckpoint(long step) {}

    /** Something that people should know, in one line; from any thread. */
    default void onNotice(String line) {}

    /** Asked after each step, and while anything is waited for: whether to end there, with a checkpoint to resume from. */
    default boolean isStopRequested() {
        return false;
    }

    /**
     * Start of a run: what is about to be trained.
     *
     * @param parameters trained numbers
     * @param windows windows of the corpus
     * @param lossTokens tokens with loss in one epoch
     * @param firstStep steps already taken, above 0 where a run is resumed
     * @param steps steps in all
     */
    record Start(String name, long parameters, long windows, long lossTokens, long firstStep, long steps) {}

    /**
     * One optimiser step.
     *
     * @param step steps taken, this one included
     * @param steps steps in all
     * @param update what the step did
     * @param pace how fast it went
     * @param coverage targets used over targets needed so far; NaN without a teacher
     * @param positionsBySource targets so far from each source
     * @param coverageByTeacher the same of each of several teachers, by name; NaN of one that nothing was needed of yet
     */
    record Step(
            long step,
            long steps,
            Update update,
            Pace pace,
            double coverage,
            Map<String, Long> positionsBySource,
            Map<String, Double> coverageByTeacher) {}

    /**
     * Figures of one optimiser step.
     *
     * @param loss what is minimised
     * @param nll nats a token on the data; NaN in a step without any
     * @param divergence divergence from the teacher, nats a position; NaN without one, and where alpha is 0
     * @param scheduled what the schedules gave the step, by name: the learning rate and, with a teacher, alpha and temperatures
     * @param ownText what the policy's loss was on text of the student's own, by name, means over its tokens; empty in a step without any
     * @param byTeacher what it was on each of several teachers' windows, by name, in the order of the settings
     * @param gradientNorm norm of the gradient, before it is clipped
     */
    record Update(
            double loss,
            double nll,
            double divergence,
            Map<String, Double> scheduled,
            Map<String, Double> ownText,
            Map<String, OfTeacher> byTeacher,
            double gradientNorm) {
        /** The learning rate that the step was taken with. */
        public double learningRate() {
            return scheduled.getOrDefault(StepValues.LEARNING_RATE, Double.NaN);
        }
    }

    /**
     * Figures of one optimiser step on the windows of one of several teachers.
     *
     * @param positions positions of those windows
     * @param nll nats a token on them; NaN where there are none
     * @param divergence divergence from the teacher, nats a position; NaN where it had no rows, and where alpha is 0
     */
    record OfTeacher(long positions, double nll, double divergence) {}

    /**
     * How fast one optimiser step went.
     *
     * @param positions positions of the step
     * @param positionsPerSecond over this step
     * @param stallFraction share of the training time so far spent waiting for targets
     * @param seconds training time so far, without evaluation
     */
    record Pace(long positions, double positionsPerSecond, double stallFraction, double seconds) {}
}
