package dev.lyne.student.rollout;

import dev.lyne.student.evaluate.ResponseScores;
import dev.lyne.student.rollout.RolloutFiles.Rollout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Health of a phase's responses: what goes wrong when a student trains on its own text shows here first.
 *
 * @param meanLength tokens of a response
 * @param atLimit share of responses that end at their greatest length, without a stop token
 * @param entropy mean of −log s over the tokens that the student drew itself, each weighed by s/s′ where it drew from s′ by temperature or top-p:
 *     an estimate of its entropy on these prefixes, nats; NaN where it drew none
 * @param repeated share of 4-grams that occurred before in their response
 * @param outside share of tokens that the teacher's rows do not name; NaN where rows name none
 */
public record RolloutHealth(double meanLength, double atLimit, double entropy, double repeated, double outside) {
    private static final int GRAM = 4;
    private static final double MOST_AT_LIMIT = 0.9;
    private static final double LEAST_ENTROPY = 0.5;
    private static final double MOST_REPEATED = 0.3;
    private static final double MOST_OUTSIDE = 0.5;

    /**
     * Returns the health of responses.
     *
     * @param coin whose draw each token was
     * @param outside share of tokens that the teacher's rows do not name; NaN where rows name none
     */
    public static RolloutHealth of(List<Rollout> rollouts, Coin coin, double outside) {
        return new RolloutHealth(
                mean(rollouts, rollout -> rollout.response().tokens().length),
                mean(rollouts, rollout -> rollout.response().ended() ? 0 : 1),
                rollouts.stream()
                        .flatMapToDouble(rollout -> surprises(rollout, coin))
                        .average()
                        .orElse(Double.NaN),
                mean(
                        rollouts,
                        rollout -> ResponseScores.repeated(rollout.response().tokens(), GRAM)),
                outside);
    }

    /** −log s · s/s′ of each token that the student drew. */
    private static DoubleStream surprises(Rollout rollout, Coin coin) {
        double[] log = rollout.response().studentLogProbabilities();
        double[] proposal = rollout.response().studentProposalLogProbabilities();
        return IntStream.range(0, log.length)
                .filter(t -> !coin.isTeachers(rollout.prompt().key(), t))
                .mapToDouble(t -> -log[t] * Math.exp(log[t] - proposal[t]));
    }

    private static double mean(List<Rollout> rollouts, ToDoubleFunction<Rollout> value) {
        return rollouts.stream().mapToDouble(value).average().orElseThrow();
    }

    /** By the names that metrics and events give them. */
    public Map<String, Double> values() {
        Map<String, Double> values = new LinkedHashMap<>();
        values.put("response_tokens", meanLength);
        values.put("at_limit", atLimit);
        if (!Double.isNaN(entropy)) {
            values.put("entropy", entropy);
        }
        values.put("repeated", repeated);
        if (!Double.isNaN(outside)) {
            values.put("outside", outside);
        }
        return values;
    }

    /** Returns warnings, each in a line, of a run whose first phase was like that. */
    public List<String> alarms(RolloutHealth first) {
        List<String> alarms = new ArrayList<>();
        if (atLimit > MOST_AT_LIMIT && first.atLimit <= MOST_AT_LIMIT) {
            alarms.add(alarm(
                    "responses run to their greatest length",
                    "share",
                    atLimit,
                    first.atLimit,
                    "at most " + MOST_AT_LIMIT));
        }
        if (entropy < LEAST_ENTROPY * first.entropy) {
            alarms.add(alarm("the student's entropy falls", "nats", entropy, first.entropy, "at least half of that"));
        }
        if (repeated > MOST_REPEATED && first.repeated <= MOST_REPEATED) {
            alarms.add(alarm(
                    "responses repeat themselves",
                    "share of 4-grams",
                    repeated,
                    first.repeated,
                    "at most " + MOST_REPEATED));
        }
        if (outside > MOST_OUTSIDE) {
            alarms.add(alarm(
                    "the student draws what the teacher's rows do not name",
                    "share",
                    outside,
                    first.outside,
                    "at most " + MOST_OUTSIDE));
        }
        return alarms;
    }

    private static String alarm(String what, String unit, double now, double first, String expected) {
        return String.format(
                Locale.ROOT,
                "%s: %s %.3f, at first %s (expected: %s)",
                what,
                unit,
                now,
                Double.isNaN(first) ? "not known" : String.format(Locale.ROOT, "%.3f", first),
                expected);
    }
}
