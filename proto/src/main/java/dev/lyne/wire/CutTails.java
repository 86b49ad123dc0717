package dev.lyne.wire;

import dev.lyne.row.RowColumns;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Tails of rows that are cut. What a cut drops goes to the tail, and the sum of rounded masses may be further from the exact tail than
 * the precision allows: where most of a tail is one entry, it has that entry's error. Such tails are found when rows are encoded, while
 * the exact ones are known, and told by {@linkplain Correction corrections}. Keeps its scratch between blocks; owned by one thread.
 */
final class CutTails {
    /** Roundings of a tail on the finest grid that the bounds leave room for: rows that were cut may be cut again. */
    private static final int ROUNDINGS = 3;

    /** Sums of masses in float32 are worth little below. */
    private static final float LEAST_MASS = 1e-30f;

    /** Most that terms of the third order come to, as a part. */
    private static final double THIRD_ORDER = 2e-4;

    /** Masses: of each entry, that of it and the entries behind it, rounded. */
    float[] masses = new float[0];

    /** Errors: of each entry, by how much its mass exceeds the exact one. */
    float[] errors = new float[0];

    /** Errors of tails at other temperatures up to here are left as they are. */
    private static final double TEMPERED_LIMIT =
            Quantizer.MAX_TAIL_ERROR - ROUNDINGS * 0.5 * LevelGrid.TEMPERED_STEP / (1 << LevelGrid.MAX_REFINEMENT);

    private double[] tailMasses = new double[0];
    private double[] tailErrors = new double[0];
    private double[] normalizers = new double[0];
    private long[] found = new long[16];
    private int count;

    void reserve(int rows, int entries) {
        if (tailMasses.length < rows) {
            tailMasses = new double[rows];
            tailErrors = new double[rows];
            normalizers = new double[rows];
        }
        if (masses.length < entries) {
            masses = new float[entries];
            errors = new float[entries];
        }
    }

    /**
     * Takes what is known of a row beside its entries.
     *
     * @param mass of the tail, rounded
     * @param error by how much that exceeds the exact one
     * @param normalizer log of the sum of all masses of the row
     */
    void row(int row, double mass, double error, double normalizer) {
        tailMasses[row] = mass;
        tailErrors[row] = error;
        normalizers[row] = normalizer;
    }

    /**
     * The corrections of all cuts; empty where one of them would take an entry out of its bounds, so that the steps have to be smaller.
     *
     * @param from the first row's number in the columns
     * @param rows rounded on the grid that the sums are of
     * @param allowed largest error of a log tail mass, nats
     * @param entrySpare largest shift of a row's entries, nats
     */
    Optional<long[]> corrections(
            RowColumns columns,
            int from,
            QuantizedRows rows,
            List<Float> temperatures,
            double allowed,
            double entrySpare) {
        count = 0;
        int[] cuts = Cuts.below(rows.most());
        double limit =
                allowed - ROUNDINGS * 0.5 * rows.grid().maxStep() / (LevelGrid.TAIL_STEPS << LevelGrid.MAX_REFINEMENT);
        Bounds bounds = new Bounds(allowed, limit, entrySpare);
        for (int row = 0; row < rows.rows(); row++) {
            int start = rows.offsets()[row];
            int entries = rows.offsets()[row + 1] - start;
            double normalizer = normalizers[row];
            // log(sum / exact) is within second order of error / sum, and has to be within the limit of the normaliser
            double most = (limit + normalizer) * (1 - 0.5 * Math.abs(limit + normalizer)) - THIRD_ORDER;
            double least = (normalizer - limit) * (1 - 0.5 * Math.abs(normalizer - limit)) + THIRD_ORDER;
            if (mayBeLeft(start, entries, cuts, row, most, least)) {
                continue;
            }
            for (int cut = 0; cut < cuts.length && cuts[cut] < entries; cut++) {
                if (!correct(columns, from, rows, row, cut, cuts[cut], bounds)) {
                    return Optional.empty();
                }
            }
        }
        for (int i = 0; i < temperatures.size(); i++) {
            correctTempered(columns, from, rows, temperatures.get(i), i);
        }
        long[] all = Arrays.copyOf(found, count);
        Arrays.sort(all);
        return Optional.of(all);
    }

    /** Whether every tail of a cut row is close enough. No branch depends on one. */
    private boolean mayBeLeft(int start, int entries, int[] cuts, int row, double mostPart, double leastPart) {
        float most = (float) mostPart;
        float least = (float) leastPart;
        float tailMass = (float) tailMasses[row];
        float tailError = (float) tailErrors[row];
        float beyond = Float.NEGATIVE_INFINITY;
        float smallest = 1;
        for (int cut = 0; cut < cuts.length && cuts[cut] < entries; cut++) {
            float mass = masses[start + cuts[cut]] + tailMass;
            float error = errors[start + cuts[cut]] + tailError;
            beyond = Math.max(beyond, Math.max(error - most * mass, least * mass - error));
            smallest = mass; // they shrink from cut to cut
        }
        return beyond <= 0 && smallest >= LEAST_MASS;
    }

    /** Bounds of the error of a cut row's tail and entries. */
    private record Bounds(double allowed, double limit, double entrySpare) {}

    /** Whether a correction, where one is needed, keeps the row within its bounds. */
    private boolean correct(
            RowColumns columns, int from, QuantizedRows rows, int row, int cut, int kept, Bounds bounds) {
        int first = rows.offsets()[row];
        int shift = rows.starts()[row] - first;
        TailSums sums = new TailSums();
        int tailDepth = rows.tailDepths()[row];
        if (tailDepth != QuantizedRows.NOTHING) {
            sums.add(
                    columns.logTailMass()[from + row],
                    rows.grid().forTails(rows.refinement()).value(tailDepth));
        }
        for (int i = rows.offsets()[row + 1] - 1; i >= first + kept; i--) {
            sums.add(columns.logProbabilities()[i + shift], rows.grid().value(rows.depths()[i]));
        }
        double step = (double) rows.grid().maxStep() / LevelGrid.TAIL_STEPS;
        double error = sums.logRatio() - normalizers[row];
        if (Math.abs(error) <= bounds.limit()) {
            return true;
        }
        int steps = (int) Math.rint(-error / step);
        double normalizer =
                Math.log(Math.exp(normalizers[row]) + Math.exp(sums.logRounded()) * Math.expm1(steps * step));
        double left = error + steps * step + normalizers[row] - normalizer;
        add(cut, 0, row, steps);
        return Math.abs(normalizer) <= bounds.entrySpare() && Math.abs(left) <= bounds.limit();
    }

    /** Adds the corrections that tails at a temperature need. */
    private void correctTempered(RowColumns columns, int from, QuantizedRows rows, float temperature, int number) {
        int temperatures = rows.temperatures();
        int[] cuts = Cuts.below(rows.most());
        LevelGrid tailGrid = LevelGrid.forTemperedTails(rows.refinement());
        for (int row = 0; row < rows.rows(); row++) {
            int at = row * temperatures + number;
            TailSums sums = new TailSums();
            int tailDepth = rows.temperedDepths()[at];
            if (tailDepth != QuantizedRows.NOTHING) {
                sums.add(columns.temperedLogTails()[from * temperatures + at], tailGrid.value(tailDepth));
            }
            double offset = rows.temperatureOffsets()[at];
            int first = rows.offsets()[row];
            int shift = rows.starts()[row] - first;
            int cut = cuts.length - 1;
            for (int i = rows.offsets()[row + 1] - 1; i > first; i--) {
                double rounded = rows.grid().value(rows.depths()[i]) - normalizers[row];
                sums.add(columns.logProbabilities()[i + shift] / temperature + offset, rounded / temperature + offset);
                while (cut >= 0 && first + cuts[cut] > i) {
                    cut--;
                }
                if (cut >= 0 && first + cuts[cut] == i && Math.abs(sums.logRatio()) > TEMPERED_LIMIT) {
                    add(cut, number + 1, row, (int) Math.rint(-sums.logRatio() / LevelGrid.TEMPERED_STEP));
                }
            }
        }
    }

    private void add(int cut, int temperature, int row, int steps) {
        if (steps == 0) {
            return;
        }
        if (count == found.length) {
            found = Arrays.copyOf(found, 2 * count);
        }
        found[count++] = Correction.of(cut, temperature, row, steps);
    }
}
