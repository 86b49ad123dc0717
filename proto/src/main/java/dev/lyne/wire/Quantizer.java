package dev.lyne.wire;

import dev.lyne.row.RowColumns;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Rounds rows to the coarsest grid that keeps the bounds of compact precision over the block. The expected divergence of a grid is
 * Σ min(1, p/p₀)·fineness²/24 over the buckets of a row (p₀: probability at the grid's knee), which gives a first guess from a
 * sample of rows; the divergence that rounding really made decides. Keeps its scratch between blocks; owned by one thread.
 */
final class Quantizer {
    /** Most mean KL divergence of a block's rows, in nats, with room for what narrowing adds. */
    static final double MAX_MEAN_KL = 0.98e-4;

    /** Largest error of a kept log-probability, in nats, with room for float32. */
    static final double MAX_ERROR = 0.0998;

    /** Largest error of a log tail mass, in nats, with room for float32. */
    static final double MAX_TAIL_ERROR = 0.0498;

    private static final double AIM = 0.955e-4;
    private static final double TOO_FINE = 0.85e-4;
    private static final float STEP = 0.186f;
    private static final int SAMPLE_ENTRIES = 512;
    private static final int ATTEMPTS = 40;
    private static final RowColumns NONE =
            new RowColumns(0, new int[0], new int[0], new float[0], new float[0], new float[0]);

    private RowColumns columns = NONE;
    private int from;
    private int rows;
    private int entries;
    private int[] offsets = new int[1];
    private int[] starts = new int[0];
    private int[] tailDepths = new int[0];
    private double meanDivergence;
    private double largestNormalizer;

    /** Depths of all entries; longer than they need. */
    private int[] depths = new int[0];

    /** Cells of the grid that the entries were rounded to. */
    private Cells cells = Cells.NONE;

    /** Whether an entry's depth is not its own alone, but that of the one before it. */
    private boolean raised;

    /** Tails of the rows' cuts, and their corrections. */
    private final CutTails cutTails = new CutTails();

    /**
     * The rows {@code from} to {@code from + rows} as levels, which hold until the next call. Steps shrink by the smallest temperature
     * where one is below 1, because an error Δ becomes Δ/τ.
     *
     * @param cut whether the rows can be cut to fewer entries
     * @throws IllegalArgumentException where a log-probability is not finite
     */
    QuantizedRows quantize(RowColumns rowColumns, int firstRow, int rowCount, List<Float> temperatures, boolean cut) {
        columns = rowColumns;
        from = firstRow;
        rows = rowCount;
        offsets = new int[rows + 1];
        starts = new int[rows];
        tailDepths = new int[rows];
        for (int row = 0; row < rows; row++) {
            offsets[row + 1] = offsets[row] + columns.counts()[from + row];
            starts[row] = (from + row) * columns.stride();
        }
        entries = offsets[rows];
        if (depths.length < entries) {
            depths = new int[entries];
        }
        cutTails.reserve(rows, entries);
        float shrink = 1;
        for (float temperature : temperatures) {
            shrink = Math.min(shrink, temperature);
        }
        QuantizedRows result = run(shrink, temperatures, cut);
        columns = NONE;
        return result;
    }

    private QuantizedRows run(float shrink, List<Float> temperatures, boolean cut) {
        float step = STEP;
        double fineness = guess(step);
        for (int attempt = 0; ; attempt++) {
            LevelGrid grid = LevelGrid.forEntries(
                    clamp(fineness * shrink, LevelGrid.MIN_FINENESS, LevelGrid.MAX_FINENESS),
                    clamp(step * shrink, LevelGrid.MIN_STEP, LevelGrid.MAX_STEP));
            round(grid, grid.forTails(0));
            double spare = MAX_ERROR * shrink - largestNormalizer - (0.5 + Cells.ERROR) * grid.maxStep();
            boolean wasteful =
                    attempt == 0 && shrink == 1 && meanDivergence < TOO_FINE && fineness < LevelGrid.MAX_FINENESS;
            if (meanDivergence > MAX_MEAN_KL || spare < 0 || wasteful) {
                if (attempt == ATTEMPTS) {
                    throw new IllegalArgumentException("rows do not fit compact precision: mean divergence "
                            + meanDivergence + " nats (expected: at most " + MAX_MEAN_KL + "), errors of up to "
                            + (MAX_ERROR * shrink - spare) + " (expected: at most " + MAX_ERROR * shrink + ")");
                }
                if (meanDivergence > MAX_MEAN_KL || wasteful) {
                    fineness *= Math.min(1.5, Math.sqrt(AIM / meanDivergence));
                }
                step *= spare < 0 ? 0.97f : 1;
                fineness *= spare < -0.1 * MAX_ERROR * shrink ? 0.9 : 1;
                continue;
            }
            QuantizedRows result = result(grid, temperatures.size());
            if (!cut) {
                return result;
            }
            double entrySpare = MAX_ERROR * shrink - (0.5 + Cells.ERROR) * grid.maxStep();
            Optional<long[]> corrections =
                    cutTails.corrections(columns, from, result, temperatures, MAX_TAIL_ERROR * shrink, entrySpare);
            if (corrections.isPresent()) {
                return result.withCorrections(corrections.get());
            }
            if (attempt >= ATTEMPTS) {
                throw new IllegalArgumentException(
                        "rows do not fit compact precision: tails of cut rows (expected: within "
                                + MAX_TAIL_ERROR * shrink + " nats)");
            }
            step *= 0.97f;
        }
    }

    private QuantizedRows result(LevelGrid grid, int temperatures) {
        int[] labelDepths = new int[rows];
        for (int row = 0; row < rows; row++) {
            float label = columns.labelLogProbability()[from + row];
            labelDepths[row] = Float.isNaN(label) ? QuantizedRows.NOTHING : labelDepth(row, label, depth(grid, label));
        }
        int start = from * temperatures;
        int end = (from + rows) * temperatures;
        int[] temperedDepths = new int[end - start];
        LevelGrid temperedGrid = LevelGrid.forTemperedTails(0);
        for (int i = start; i < end; i++) {
            float tail = columns.temperedLogTails()[i];
            temperedDepths[i - start] = tail == Float.NEGATIVE_INFINITY
                    ? QuantizedRows.NOTHING
                    : temperedGrid.depth(Math.max(LevelGrid.LEAST_TEMPERED_TAIL, tail));
        }
        return new QuantizedRows(
                grid,
                0,
                offsets,
                starts,
                columns.ids(),
                depths,
                tailDepths,
                labelDepths,
                columns.drawCounts(),
                Arrays.copyOfRange(columns.temperatureOffsets(), start, end),
                temperedDepths,
                new long[0]);
    }

    /** Depths of entries never decrease along a row; that of a label is its entry's where it is kept, else no less than any. */
    private int labelDepth(int row, float label, int own) {
        int first = offsets[row];
        int last = offsets[row + 1] - 1;
        int shift = starts[row] - first;
        if (last < first) {
            return own;
        }
        if (label <= columns.logProbabilities()[last + shift]) {
            return Math.max(own, depths[last]);
        }
        if (!raised) {
            return own;
        }
        int least = own;
        for (int i = first; i <= last && columns.logProbabilities()[i + shift] >= label; i++) {
            least = Math.max(own, depths[i]);
        }
        return least;
    }

    /** Returns the depth of a value, rounded as all are, so that a label that is kept equals its entry. */
    private int depth(LevelGrid grid, float logProbability) {
        int depth = cells.depth(logProbability);
        return depth >= 0 ? depth : grid.depth(logProbability);
    }

    /**
     * Fills the depths and measures: to second order a row's divergence is half the variance of its errors under the row. No entry's
     * error is more than half the largest step; a row's normaliser, which a decoder subtracts, comes on top. Rows are summed from the
     * end, since what a cut leaves over is a sum of the last entries.
     */
    private void round(LevelGrid grid, LevelGrid tailGrid) {
        roundEntries(grid);
        float[] levels = grid.levels();
        float[] logProbabilities = columns.logProbabilities();
        float[] masses = cutTails.masses;
        float[] errors = cutTails.errors;
        double divergence = 0;
        double largest = 0;
        for (int row = 0; row < rows; row++) {
            int shift = starts[row] - offsets[row];
            int start = offsets[row];
            float mean = 0;
            float square = 0;
            float sum = 0;
            for (int i = offsets[row + 1] - 1; i >= start; i--) {
                int depth = depths[i];
                float value;
                float mass;
                if (2 * depth < levels.length) {
                    value = levels[2 * depth];
                    mass = levels[2 * depth + 1];
                } else {
                    value = grid.value(depth);
                    mass = grid.mass(depth);
                }
                float error = value - logProbabilities[i + shift];
                float weighted = mass * error;
                mean += weighted;
                square += weighted * error;
                sum += mass;
                masses[i] = sum;
                errors[i] = mean - 0.5f * square;
            }
            double allMean = mean;
            double allSquare = square;
            float tail = columns.logTailMass()[from + row];
            tailDepths[row] = QuantizedRows.NOTHING;
            double tailMass = 0;
            double tailError = 0;
            if (tail != Float.NEGATIVE_INFINITY) {
                tailDepths[row] = tailGrid.depth(tail);
                double error = tailGrid.value(tailDepths[row]) - tail;
                tailMass = FastExp.exp(tail + error);
                double weighted = tailMass * error;
                tailError = weighted - 0.5 * weighted * error;
                allMean += weighted;
                allSquare += weighted * error;
            }
            divergence += Math.max(0, allSquare - allMean * allMean) / 2;
            // log of the sum of the rounded masses
            double normalizer = allMean - (allSquare + allMean * allMean) / 2;
            largest = Math.max(largest, Math.abs(normalizer));
            cutTails.row(row, tailMass, tailError, normalizer);
        }
        meanDivergence = divergence / rows;
        largestNormalizer = largest;
    }

    /**
     * Depths of the entries, which come in descending order of probability. Where a depth is less than the one before, which rounding
     * by cells may bring about, it is raised.
     */
    private void roundEntries(LevelGrid grid) {
        float[] logProbabilities = columns.logProbabilities();
        cells = Cells.of(grid);
        Cells roundingCells = cells;
        int[] result = depths;
        int rises = 0;
        for (int row = 0; row < rows; row++) {
            int start = starts[row];
            int at = offsets[row];
            int end = start + offsets[row + 1] - at;
            int last = 0;
            for (int i = start; i < end; i++) {
                int depth = roundingCells.depth(logProbabilities[i]);
                depth = depth >= 0 ? depth : grid.depth(logProbabilities[i]);
                rises |= depth - last;
                last = depth;
                result[at++] = depth;
            }
        }
        raised = rises < 0;
        if (raised) {
            raise();
        }
    }

    private void raise() {
        for (int row = 0; row < rows; row++) {
            EncodingRules.requireOrder(columns, starts[row], offsets[row + 1] - offsets[row], row);
            for (int i = offsets[row] + 1; i < offsets[row + 1]; i++) {
                depths[i] = Math.max(depths[i], depths[i - 1]);
            }
        }
    }

    /** The fineness whose expected divergence is the aim, from the probabilities of a sample of entries of all rows. */
    private double guess(float step) {
        int stride = 1 + entries / SAMPLE_ENTRIES;
        double[] probabilities = new double[entries / stride + 1];
        int sampled = 0;
        int skip = stride / 2;
        for (int row = 0; row < rows; row++) {
            int start = (from + row) * columns.stride();
            int end = start + offsets[row + 1] - offsets[row];
            int i = start + skip;
            for (; i < end; i += stride) {
                probabilities[sampled++] = FastExp.exp(columns.logProbabilities()[i]);
            }
            skip = i - end;
        }
        double tails = 0.25 * rows; // a tail's step is half as wide
        double fineness = Math.sqrt(24 * AIM * rows / (tails + entries));
        for (int i = 0; i < 30; i++) {
            double perKnee = step * step / (fineness * fineness);
            double effective = effective(probabilities, sampled, perKnee);
            double next = Math.min(2, Math.sqrt(24 * AIM * rows / (tails + effective * stride)));
            boolean settled = Math.abs(next - fineness) < 0.005 * fineness;
            fineness = next;
            if (settled) {
                break;
            }
        }
        return fineness;
    }

    /** Σ min(1, p/p₀). Four sums wait for themselves alone. */
    private static double effective(double[] probabilities, int count, double perKnee) {
        double first = 0;
        double second = 0;
        double third = 0;
        double fourth = 0;
        int i = 0;
        for (; i < count - 3; i += 4) {
            first += Math.min(1, probabilities[i] * perKnee);
            second += Math.min(1, probabilities[i + 1] * perKnee);
            third += Math.min(1, probabilities[i + 2] * perKnee);
            fourth += Math.min(1, probabilities[i + 3] * perKnee);
        }
        for (; i < count; i++) {
            first += Math.min(1, probabilities[i] * perKnee);
        }
        return first + second + (third + fourth);
    }

    private static float clamp(double value, float least, float most) {
        return (float) Math.max(least, Math.min(most, value));
    }
}
