package dev.lyne.teacher.batch;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.v1.SelectionKind;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Costs of sequences on the device, as measured: time of a token or a wanted position, by kind of selection, by length
 * of the sequence and by entries of a row, each in powers of two. What has not been measured yet costs what the rest
 * does on average. Not safe for several threads.
 */
final class ForwardCosts {
    /** Weight of earlier forwards when one more is measured. */
    private static final double KEPT = 0.9;

    private record Kind(SelectionKind selection, int logLength, int logEntries) {
        static Kind of(ScoreItem item, RowContent content, long entries) {
            long each = entries / Math.max(1, item.positions().length);
            return new Kind(content.selection().kind(), log2(item.tokens().length), log2(each));
        }

        private static int log2(long value) {
            return 63 - Long.numberOfLeadingZeros(Math.max(1, value));
        }
    }

    /** Sums over past forwards, in which later ones weigh more, and large ones more than small ones. */
    private static final class Sums {
        private double nanos;
        private double units;

        void add(double moreNanos, double moreUnits) {
            nanos = KEPT * nanos + moreNanos;
            units = KEPT * units + moreUnits;
        }

        double nanosPerUnit() {
            return nanos / units;
        }
    }

    private final Map<Kind, Sums> byKind = new HashMap<>();
    private final Sums all = new Sums();
    private final Sums tokens = new Sums();

    /** Whether any forward has been measured. */
    boolean measured() {
        return all.units > 0;
    }

    /** Time of a token, whatever is asked of it; 0 before the first forward. */
    double nanosPerToken() {
        return measured() ? tokens.nanosPerUnit() : 0;
    }

    /**
     * Returns the expected cost of a sequence, in nanoseconds; where nothing has been measured, in units of a token or
     * position.
     */
    double nanos(ScoreItem item, RowContent content, long entries) {
        double units = units(item);
        if (!measured()) {
            return units;
        }
        Sums kind = byKind.get(Kind.of(item, content, entries));
        return units * (kind == null ? all : kind).nanosPerUnit();
    }

    /**
     * Takes what a forward has cost.
     *
     * @param entries of the first sequence's rows
     */
    void add(List<ScoreItem> items, RowContent content, long entries, long nanos) {
        double units = items.stream().mapToDouble(ForwardCosts::units).sum();
        long sum = items.stream().mapToLong(item -> item.tokens().length).sum();
        all.add(nanos, units);
        tokens.add(nanos, sum);
        byKind.computeIfAbsent(Kind.of(items.get(0), content, entries), unused -> new Sums())
                .add(nanos, units);
    }

    /** A token goes through the layers, a wanted position through the output matrix as well. */
    static double units(ScoreItem item) {
        return item.tokens().length + (double) item.positions().length;
    }
}
