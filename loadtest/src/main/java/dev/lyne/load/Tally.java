package dev.lyne.load;

import dev.lyne.student.client.RowSource;
import dev.lyne.student.client.Targets;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.HdrHistogram.Histogram;

/** Counts of answered sequences. Every method holds the tally's own lock. */
public final class Tally {
    private static final long MAX_LATENCY_MICROS = 3_600_000_000L;

    private final Histogram latencyMicros = new Histogram(MAX_LATENCY_MICROS, 3);
    private final Map<RowSource, Long> positionsBySource = new EnumMap<>(RowSource.class);
    private long sequences;
    private long failedSequences;
    private long positions;
    private long bytes;
    private long reconnects;

    synchronized void answered(Targets targets, long nanos) {
        latencyMicros.recordValue(Math.min(nanos / 1000, MAX_LATENCY_MICROS));
        targets.rowsBySource().forEach((source, rows) -> positionsBySource.merge(source, (long) rows, Long::sum));
        sequences++;
        positions += targets.rows();
        bytes += targets.blockBytes();
    }

    synchronized void failed() {
        failedSequences++;
    }

    synchronized void reconnects(long count) {
        reconnects = count;
    }

    /** Positions answered so far. */
    public synchronized long positions() {
        return positions;
    }

    /** Adds another tally's counts to this one, which no other thread uses yet. */
    void add(Tally other) {
        synchronized (other) {
            latencyMicros.add(other.latencyMicros);
            other.positionsBySource.forEach((source, rows) -> positionsBySource.merge(source, rows, Long::sum));
            sequences += other.sequences;
            failedSequences += other.failedSequences;
            positions += other.positions;
            bytes += other.bytes;
            reconnects += other.reconnects;
        }
    }

    LoadReport report(int students, double seconds) {
        long computed = positionsBySource.getOrDefault(RowSource.COMPUTED, 0L);
        Map<String, Double> latency = new LinkedHashMap<>();
        for (double percentile : new double[] {50, 90, 99, 99.9}) {
            latency.put(
                    "p" + (percentile == Math.rint(percentile) ? Long.toString((long) percentile) : percentile),
                    latencyMicros.getValueAtPercentile(percentile) / 1e3);
        }
        latency.put("max", latencyMicros.getMaxValue() / 1e3);
        return new LoadReport(
                students,
                seconds,
                sequences,
                failedSequences,
                positions,
                positions / seconds,
                bytes / seconds,
                positions == 0 ? 0 : (double) bytes / positions,
                positions == 0 ? 0 : 1 - (double) computed / positions,
                Map.copyOf(positionsBySource),
                latency,
                reconnects);
    }
}
