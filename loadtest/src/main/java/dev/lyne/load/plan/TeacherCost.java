package dev.lyne.load.plan;

import dev.lyne.load.result.LoadResult;
import dev.lyne.load.result.StepResult;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * Cost of a replica's work.
 *
 * @param secondsPerBatch time of a batch whatever its size, with the pause before the next
 * @param secondsPerToken time of each token of a batch
 * @param maxBatchTokens most tokens of a batch
 * @param batchDeadlineSeconds how long a batch that is not full waits for company
 * @param sendSecondsPerRow time that a replica's processors spend on a row that it sends, computed or stored, over all of them; 0
 *     where it is not known
 * @param overheadSeconds time of a sequence outside queue, device and network
 * @param bytesPerPosition bytes of a row on the wire
 */
public record TeacherCost(
        double secondsPerBatch,
        double secondsPerToken,
        int maxBatchTokens,
        double batchDeadlineSeconds,
        double sendSecondsPerRow,
        double overheadSeconds,
        double bytesPerPosition) {
    /** A step counts as one whose device never waits for work where so many batches wait. */
    private static final double BATCHES_WAITING = 0.5;

    private static final double MOST_SECONDS = 1e6;
    private static final double MOST_BYTES = 1e9;

    public TeacherCost {
        require(secondsPerBatch >= 0 && secondsPerBatch <= MOST_SECONDS, "batch_overhead", secondsPerBatch, "0..1e6 s");
        require(
                secondsPerToken > 0 && secondsPerToken <= MOST_SECONDS,
                "seconds_per_token",
                secondsPerToken,
                "above 0, at most 1e6 s");
        require(maxBatchTokens >= 1, "batch_tokens", maxBatchTokens, "1 or more");
        require(
                batchDeadlineSeconds >= 0 && batchDeadlineSeconds <= MOST_SECONDS,
                "batch_deadline",
                batchDeadlineSeconds,
                "0..1e6 s");
        require(
                sendSecondsPerRow >= 0 && sendSecondsPerRow <= MOST_SECONDS,
                "send_seconds_per_row",
                sendSecondsPerRow,
                "0..1e6 s");
        require(overheadSeconds >= 0 && overheadSeconds <= MOST_SECONDS, "overhead", overheadSeconds, "0..1e6 s");
        require(
                bytesPerPosition > 0 && bytesPerPosition <= MOST_BYTES,
                "bytes_per_position",
                bytesPerPosition,
                "above 0, at most 1e9");
    }

    /** Tokens a second of full batches. */
    public double tokensPerSecond() {
        return maxBatchTokens / (secondsPerBatch + secondsPerToken * maxBatchTokens);
    }

    /** Returns this cost with rows of another size. */
    public TeacherCost withBytesPerPosition(double bytes) {
        return new TeacherCost(
                secondsPerBatch,
                secondsPerToken,
                maxBatchTokens,
                batchDeadlineSeconds,
                sendSecondsPerRow,
                overheadSeconds,
                bytes);
    }

    /**
     * Returns this cost with the cost of sending that a cache-hot load showed: at its best step the replica did nothing
     * else.
     */
    public TeacherCost withHits(LoadResult hot) {
        StepResult best = hot.best();
        if (best.answered().hitRatio() < 0.95) {
            throw new IllegalArgumentException("hits: a load whose hit ratio is "
                    + best.answered().hitRatio() + " (expected: 0.95 or more; repeat all of a small pool)");
        }
        return new TeacherCost(
                secondsPerBatch,
                secondsPerToken,
                maxBatchTokens,
                batchDeadlineSeconds,
                1 / best.answered().positionsPerSecond(),
                overheadSeconds,
                bytesPerPosition);
    }

    /**
     * Learns the cost from a load run that read the server's metrics and computed what it asked for: a straight line through each
     * step's mean batch and its mean duration, the pause between batches of the busiest step, and what the lightest step's sequences
     * spent outside queue and device.
     *
     * @throws IllegalArgumentException where the run read no metrics, or the server computed nothing
     */
    public static TeacherCost of(LoadResult load, int maxBatchTokens, double batchDeadlineSeconds) {
        List<Step> steps = new ArrayList<>();
        for (StepResult step : load.steps()) {
            Step one = Step.of(step);
            if (one.batches() > 0) {
                steps.add(one);
            }
        }
        if (steps.isEmpty()) {
            throw new IllegalArgumentException(
                    "calibration: no batches in the server's metrics (expected: a load with --metrics, at least partly computed)");
        }
        double[] line = fit(steps);
        double pause = steps.stream()
                .filter(step -> step.queueTokens() > BATCHES_WAITING * maxBatchTokens)
                .max(Comparator.comparingDouble(Step::queueTokens))
                .map(step -> Math.max(0, (step.seconds() - step.busySeconds()) / step.batches()))
                .orElse(0.0);
        Step lightest = steps.stream()
                .min(Comparator.comparingDouble(Step::latencySeconds))
                .orElseThrow();
        double overhead = Math.max(
                0, lightest.latencySeconds() - lightest.waitSeconds() - lightest.busySeconds() / lightest.batches());
        StepResult best = load.best();
        return new TeacherCost(
                line[0] + pause,
                line[1],
                maxBatchTokens,
                batchDeadlineSeconds,
                0,
                overhead,
                best.answered().bytesPerPosition());
    }

    /** Least squares through (tokens, seconds) of a batch, weighed by batches; through the origin where that makes more sense. */
    private static double[] fit(List<Step> steps) {
        double weight = 0;
        double tokens = 0;
        double seconds = 0;
        for (Step step : steps) {
            weight += step.batches();
            tokens += step.tokens();
            seconds += step.busySeconds();
        }
        double meanTokens = tokens / weight;
        double meanSeconds = seconds / weight;
        double spread = 0;
        double product = 0;
        for (Step step : steps) {
            double off = step.tokens() / step.batches() - meanTokens;
            spread += step.batches() * off * off;
            product += step.batches() * off * (step.busySeconds() / step.batches() - meanSeconds);
        }
        boolean varies = Math.sqrt(spread / weight) > 0.1 * meanTokens;
        double slope = varies ? product / spread : 0;
        double intercept = meanSeconds - slope * meanTokens;
        return slope > 0 && intercept >= 0
                ? new double[] {intercept, slope}
                : new double[] {0, meanSeconds / meanTokens};
    }

    /** A step's batches, as the server counted them. */
    private record Step(
            double seconds,
            double batches,
            double tokens,
            double busySeconds,
            double waitSeconds,
            double queueTokens,
            double latencySeconds) {
        static Step of(StepResult step) {
            double waits = series(step, "lyne_teacher_queue_wait_seconds_count");
            return new Step(
                    step.seconds(),
                    series(step, "lyne_teacher_batch_duration_seconds_count"),
                    series(step, "lyne_teacher_batch_tokens_sum"),
                    series(step, "lyne_teacher_batch_duration_seconds_sum"),
                    waits == 0 ? 0 : series(step, "lyne_teacher_queue_wait_seconds_sum") / waits,
                    series(step, "lyne_teacher_queue_tokens"),
                    step.timing().latencyMillis().getOrDefault("mean", 0.0) / 1e3);
        }

        private static double series(StepResult step, String name) {
            return step.server().entrySet().stream()
                    .filter(entry ->
                            entry.getKey().equals(name) || entry.getKey().startsWith(name + "{"))
                    .mapToDouble(Map.Entry::getValue)
                    .sum();
        }
    }

    private static void require(boolean holds, String name, Object value, String expectation) {
        if (!holds) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: " + expectation + ")");
        }
    }
}
