package dev.lyne.load.run;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.row.RowSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.HdrHistogram.Histogram;

/**
 * Counts of a step's students. A sequence's latency counts where its intended time lies in the counted window, whenever
 * it is answered; rows and bytes count where their sequence's end lies in it. Every method holds the meter's lock.
 */
final class Meter {
    private static final long MAX_MICROS = 3_600_000_000L;

    private final long fromNanos;
    private final long endNanos;
    private final long intervalNanos;

    @GuardedBy("this")
    private final List<Cell> cells = new ArrayList<>();

    @GuardedBy("this")
    private final Histogram lagMicros = new Histogram(MAX_MICROS, 3);

    @GuardedBy("this")
    private final Map<RowSource, Long> positionsBySource = new HashMap<>();

    @GuardedBy("this")
    private final Map<String, Long> refusals = new TreeMap<>();

    @GuardedBy("this")
    private final Map<String, String> refusalMessages = new TreeMap<>();

    @GuardedBy("this")
    private final Set<String> teachers = new TreeSet<>();

    @GuardedBy("this")
    private long intended;

    @GuardedBy("this")
    private long failed;

    @GuardedBy("this")
    private long unanswered;

    @GuardedBy("this")
    private long reconnects;

    @GuardedBy("this")
    private long allPositions;

    @GuardedBy("this")
    private long allBytes;

    @GuardedBy("this")
    private long inFlight;

    /** Interval of the window. */
    static final class Cell {
        final Histogram latencyMicros = new Histogram(3); // resizes itself
        long sequences;
        long positions;
        long bytes;
    }

    /** @param intervalNanos length of an interval; the last may be shorter */
    Meter(long fromNanos, long endNanos, long intervalNanos) {
        this.fromNanos = fromNanos;
        this.endNanos = endNanos;
        this.intervalNanos = intervalNanos;
        for (long at = fromNanos; at - endNanos < 0; at += intervalNanos) {
            cells.add(new Cell());
        }
    }

    boolean counts(long nanos) {
        return nanos - fromNanos >= 0 && nanos - endNanos < 0;
    }

    private synchronized Cell cell(long nanos) {
        return cells.get((int) ((nanos - fromNanos) / intervalNanos));
    }

    /** A sequence was due then, and was handed to its student now. */
    synchronized void due(long intendedNanos, long now) {
        inFlight++;
        if (counts(intendedNanos)) {
            intended++;
            lagMicros.recordValue(micros(now - intendedNanos));
        }
    }

    synchronized void answered(long intendedNanos, long now, long positions, long bytes, RowSource source) {
        inFlight--;
        allPositions += positions;
        allBytes += bytes;
        if (counts(intendedNanos)) {
            cell(intendedNanos).latencyMicros.recordValue(micros(now - intendedNanos));
        }
        if (counts(now)) {
            Cell cell = cell(now);
            cell.sequences++;
            cell.positions += positions;
            cell.bytes += bytes;
            positionsBySource.merge(source, positions, Long::sum);
        }
    }

    /** A refusal of a sequence that was due then, which may be asked for again; or of a stream, then. */
    synchronized void refused(String reason, String message, long then) {
        if (counts(then)) {
            refusals.merge(reason, 1L, Long::sum);
            refusalMessages.putIfAbsent(reason, message);
        }
    }

    /** A student's stream was opened by this teacher. */
    synchronized void opened(String teacher) {
        teachers.add(teacher);
    }

    /** Returns the teachers as the opened streams described them. */
    synchronized Set<String> teachers() {
        return Set.copyOf(teachers);
    }

    /** A sequence failed for good. */
    synchronized void failed(long intendedNanos) {
        inFlight--;
        if (counts(intendedNanos)) {
            failed++;
        }
    }

    /** A sequence was not answered when the step ended; its age counts as its latency, which is the least that it can be. */
    synchronized void gaveUp(long intendedNanos, long now) {
        inFlight--;
        if (counts(intendedNanos)) {
            unanswered++;
            cell(intendedNanos).latencyMicros.recordValue(micros(now - intendedNanos));
        }
    }

    synchronized void reconnected(long now) {
        if (counts(now)) {
            reconnects++;
        }
    }

    private static long micros(long nanos) {
        return Math.min(Math.max(0, nanos) / 1_000, MAX_MICROS);
    }

    /** Positions and bytes answered since the start, and sequences due and unanswered. */
    synchronized long[] progress() {
        return new long[] {allPositions, allBytes, inFlight};
    }

    /** The counts; the meter is not used any more. */
    synchronized Counts counts() {
        return new Counts(
                cells,
                lagMicros,
                positionsBySource,
                refusals,
                refusalMessages,
                intended,
                failed,
                unanswered,
                reconnects);
    }

    /** Counts of a step. */
    record Counts(
            List<Cell> cells,
            Histogram lagMicros,
            Map<RowSource, Long> positionsBySource,
            Map<String, Long> refusals,
            Map<String, String> refusalMessages,
            long intended,
            long failed,
            long unanswered,
            long reconnects) {}
}
