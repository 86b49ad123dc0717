package dev.lyne.load.result;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;
import java.util.Map;

/**
 * Result of one step, in its counted window. Files hold the fields of the parts side by side.
 *
 * @param label what the step varied, for people
 * @param students students that ran
 * @param offeredPerSecond sequences that an open loop intended a second; 0 in a closed loop
 * @param seconds length of the window
 * @param counts what became of the sequences
 * @param answered what was answered in the window
 * @param interruptions refusals and reconnects
 * @param timing latencies and lags
 * @param generatorCpuSeconds processor time of the generator's processes in the window
 * @param server what the server's metrics did in the window: differences of counters, means of gauges, by series; empty where none
 *     were read
 * @param intervals the window, interval by interval
 * @param lagHistogram of microseconds, as {@link Histograms} writes it
 */
public record StepResult(
        String label,
        int students,
        double offeredPerSecond,
        double seconds,
        @JsonUnwrapped SequenceCounts counts,
        @JsonUnwrapped Answered answered,
        @JsonUnwrapped Interruptions interruptions,
        @JsonUnwrapped Timing timing,
        double generatorCpuSeconds,
        Map<String, Double> server,
        List<IntervalResult> intervals,
        String lagHistogram) {
    /**
     * Counts of the sequences by what became of them.
     *
     * @param intended sequences due in the window
     * @param sequences sequences answered in the window
     * @param failed sequences due in the window that failed for good
     * @param unanswered sequences due in the window that were not answered when the step was given up; their age counts as their latency
     */
    public record SequenceCounts(long intended, long sequences, long failed, long unanswered) {}

    /**
     * Counts of what was answered in the window.
     *
     * @param positions positions answered
     * @param bytes block bytes answered
     * @param positionsBySource positions by where they came from
     */
    public record Answered(
            long positions,
            long bytes,
            double positionsPerSecond,
            double sequencesPerSecond,
            double bytesPerSecond,
            double bytesPerPosition,
            double hitRatio,
            Map<String, Long> positionsBySource) {
        private static Answered of(List<IntervalResult> intervals, Map<String, Long> positionsBySource) {
            double seconds = StepResult.seconds(intervals);
            long positions =
                    intervals.stream().mapToLong(IntervalResult::positions).sum();
            long bytes = intervals.stream().mapToLong(IntervalResult::bytes).sum();
            long computed = positionsBySource.getOrDefault("computed", 0L);
            return new Answered(
                    positions,
                    bytes,
                    positions / seconds,
                    StepResult.sequences(intervals) / seconds,
                    bytes / seconds,
                    positions == 0 ? 0 : (double) bytes / positions,
                    positions == 0 ? 0 : 1 - (double) computed / positions,
                    positionsBySource);
        }
    }

    /**
     * Refusals and reconnects in the window.
     *
     * @param refusals refusals by reason, those included that were answered when asked again
     * @param refusalMessages what the server said of the first refusal of each reason
     * @param reconnects streams opened anew
     */
    public record Interruptions(Map<String, Long> refusals, Map<String, String> refusalMessages, long reconnects) {}

    /**
     * Latencies and lags, as percentiles by name.
     *
     * @param latencyMillis from the intended time to the last row
     * @param lagMillis from the intended time to the generator's own reaction
     */
    public record Timing(Map<String, Double> latencyMillis, Map<String, Double> lagMillis) {}

    /**
     * One interval of the window.
     *
     * @param seconds its length
     * @param latencyHistogram of microseconds, of the sequences that were due in it, as {@link Histograms} writes it
     */
    public record IntervalResult(double seconds, long sequences, long positions, long bytes, String latencyHistogram) {}

    /**
     * Sequences due in the window.
     *
     * @param intended all of them
     * @param failed those that failed for good
     * @param unanswered those that were not answered when the step was given up
     */
    public record Due(long intended, long failed, long unanswered) {}

    /** Figures that are not derived from others. */
    public record Counted(
            String label,
            int students,
            double offeredPerSecond,
            Due due,
            Map<String, Long> positionsBySource,
            Interruptions interruptions,
            double generatorCpuSeconds,
            Map<String, Double> server,
            List<IntervalResult> intervals,
            String lagHistogram) {}

    /** Derives the rest. */
    public static StepResult of(Counted counted) {
        Due due = counted.due();
        return new StepResult(
                counted.label(),
                counted.students(),
                counted.offeredPerSecond(),
                seconds(counted.intervals()),
                new SequenceCounts(due.intended(), sequences(counted.intervals()), due.failed(), due.unanswered()),
                Answered.of(counted.intervals(), counted.positionsBySource()),
                counted.interruptions(),
                new Timing(
                        Histograms.percentiles(Histograms.sum(counted.intervals().stream()
                                .map(IntervalResult::latencyHistogram)
                                .toList())),
                        Histograms.percentiles(Histograms.read(counted.lagHistogram()))),
                counted.generatorCpuSeconds(),
                counted.server(),
                counted.intervals(),
                counted.lagHistogram());
    }

    private static double seconds(List<IntervalResult> intervals) {
        return intervals.stream().mapToDouble(IntervalResult::seconds).sum();
    }

    private static long sequences(List<IntervalResult> intervals) {
        return intervals.stream().mapToLong(IntervalResult::sequences).sum();
    }

    /** Returns the counts that the result was derived from. */
    Counted counted() {
        return new Counted(
                label,
                students,
                offeredPerSecond,
                new Due(counts.intended(), counts.failed(), counts.unanswered()),
                answered.positionsBySource(),
                interruptions,
                generatorCpuSeconds,
                server,
                intervals,
                lagHistogram);
    }

    /** Sequences answered in the window over those due in it. */
    public double achievedShare() {
        return counts.intended() == 0 ? 1 : (double) counts.sequences() / counts.intended();
    }
}
