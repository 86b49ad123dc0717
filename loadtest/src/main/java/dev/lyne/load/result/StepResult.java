package dev.lyne.load.result;

import java.util.List;
import java.util.Map;

/**
 * What one step measured, in its counted window.
 *
 * @param label what the step varied, for people
 * @param students students that ran
 * @param offeredPerSecond sequences that an open loop intended a second; 0 in a closed loop
 * @param seconds length of the window
 * @param intended sequences due in the window
 * @param sequences sequences answered in the window
 * @param failed sequences due in the window that failed for good
 * @param unanswered sequences due in the window that were not answered when the step was given up; their age counts as their latency
 * @param positions positions answered in the window
 * @param bytes block bytes answered in the window
 * @param positionsBySource positions by where they came from
 * @param refusals refusals in the window by reason, those included that were answered when asked again
 * @param refusalMessages what the server said of the first refusal of each reason
 * @param reconnects streams opened anew in the window
 * @param latencyMillis from the intended time to the last row: percentiles by name
 * @param lagMillis from the intended time to the generator's own reaction: percentiles by name
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
        long intended,
        long sequences,
        long failed,
        long unanswered,
        long positions,
        long bytes,
        double positionsPerSecond,
        double sequencesPerSecond,
        double bytesPerSecond,
        double bytesPerPosition,
        double hitRatio,
        Map<String, Long> positionsBySource,
        Map<String, Long> refusals,
        Map<String, String> refusalMessages,
        long reconnects,
        Map<String, Double> latencyMillis,
        Map<String, Double> lagMillis,
        double generatorCpuSeconds,
        Map<String, Double> server,
        List<IntervalResult> intervals,
        String lagHistogram) {
    /**
     * One interval of the window.
     *
     * @param seconds its length
     * @param latencyHistogram of microseconds, of the sequences that were due in it, as {@link Histograms} writes it
     */
    public record IntervalResult(double seconds, long sequences, long positions, long bytes, String latencyHistogram) {}

    /** Figures that are not derived from others. */
    public record Counted(
            String label,
            int students,
            double offeredPerSecond,
            long intended,
            long failed,
            long unanswered,
            Map<String, Long> positionsBySource,
            Map<String, Long> refusals,
            Map<String, String> refusalMessages,
            long reconnects,
            double generatorCpuSeconds,
            Map<String, Double> server,
            List<IntervalResult> intervals,
            String lagHistogram) {}

    /** Derives the rest. */
    public static StepResult of(Counted counted) {
        double seconds = counted.intervals().stream()
                .mapToDouble(IntervalResult::seconds)
                .sum();
        long sequences = counted.intervals().stream()
                .mapToLong(IntervalResult::sequences)
                .sum();
        long positions = counted.intervals().stream()
                .mapToLong(IntervalResult::positions)
                .sum();
        long bytes =
                counted.intervals().stream().mapToLong(IntervalResult::bytes).sum();
        long computed = counted.positionsBySource().getOrDefault("computed", 0L);
        return new StepResult(
                counted.label(),
                counted.students(),
                counted.offeredPerSecond(),
                seconds,
                counted.intended(),
                sequences,
                counted.failed(),
                counted.unanswered(),
                positions,
                bytes,
                positions / seconds,
                sequences / seconds,
                bytes / seconds,
                positions == 0 ? 0 : (double) bytes / positions,
                positions == 0 ? 0 : 1 - (double) computed / positions,
                counted.positionsBySource(),
                counted.refusals(),
                counted.refusalMessages(),
                counted.reconnects(),
                Histograms.percentiles(Histograms.sum(counted.intervals().stream()
                        .map(IntervalResult::latencyHistogram)
                        .toList())),
                Histograms.percentiles(Histograms.read(counted.lagHistogram())),
                counted.generatorCpuSeconds(),
                counted.server(),
                counted.intervals(),
                counted.lagHistogram());
    }

    /** What it was derived from. */
    Counted counted() {
        return new Counted(
                label,
                students,
                offeredPerSecond,
                intended,
                failed,
                unanswered,
                positionsBySource,
                refusals,
                refusalMessages,
                reconnects,
                generatorCpuSeconds,
                server,
                intervals,
                lagHistogram);
    }

    /** Sequences answered in the window over those due in it. */
    public double achievedShare() {
        return intended == 0 ? 1 : (double) sequences / intended;
    }
}
