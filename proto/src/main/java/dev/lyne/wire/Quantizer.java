package dev.lyne.wire;

import java.util.List;

/**
 * Rounds rows to the coarsest grid that keeps the bounds of compact precision over the block. The expected divergence of a grid is
 * Σ min(1, p/p₀)·fineness²/24 over the buckets of a row (p₀: probability at the grid's knee), which gives a first guess from a
 * sample of rows; the divergence that rounding really made decides.
 */
final class Quantizer {
    /** Most mean KL divergence of a block's rows, in nats, with room for what narrowing adds. */
    static final double MAX_MEAN_KL = 0.98e-4;

    /** Largest error of a kept log-probability, in nats, with room for float32. */
    static final double MAX_ERROR = 0.0998;

    private static final double AIM = 0.955e-4;
    private static final double TOO_FINE = 0.85e-4;
    private static final float STEP = 0.19f;
    private static final int SAMPLE_ENTRIES = 512;
    private static final int ATTEMPTS = 40;

    private final RowColumns columns;
    private final int from;
    private final int rows;
    private final int[] offsets;
    private final int[] depths;
    private final int[] tailDepths;
    private double meanDivergence;
    private double largestError;

    private Quantizer(RowColumns columns, int from, int rows) {
        this.columns = columns;
        this.from = from;
        this.rows = rows;
        offsets = new int[rows + 1];
        for (int row = 0; row < rows; row++) {
            offsets[row + 1] = offsets[row] + columns.counts()[from + row];
        }
        depths = new int[offsets[rows]];
        tailDepths = new int[rows];
    }

    /**
     * The rows {@code from} to {@code from + rows} as levels. Steps shrink by the smallest temperature where one is below 1, because
     * an error Δ becomes Δ/τ.
     *
     * @throws IllegalArgumentException where a log-probability is not finite
     */
    static QuantizedRows quantize(RowColumns columns, int from, int rows, List<Float> temperatures) {
        float shrink = 1;
        for (float temperature : temperatures) {
            shrink = Math.min(shrink, temperature);
        }
        return new Quantizer(columns, from, rows).run(shrink, temperatures.size());
    }

    private QuantizedRows run(float shrink, int temperatures) {
        float step = STEP;
        double fineness = guess(step);
        for (int attempt = 0; ; attempt++) {
            LevelGrid grid = LevelGrid.forEntries(
                    clamp(fineness * shrink, LevelGrid.MIN_FINENESS, LevelGrid.MAX_FINENESS),
                    clamp(step * shrink, LevelGrid.MIN_STEP, LevelGrid.MAX_STEP));
            LevelGrid tailGrid = grid.forTails();
            round(grid, tailGrid);
            boolean wasteful = attempt == 0 && meanDivergence < TOO_FINE && fineness < LevelGrid.MAX_FINENESS;
            if (meanDivergence > MAX_MEAN_KL || largestError > MAX_ERROR * shrink || (wasteful && shrink == 1)) {
                if (attempt == ATTEMPTS) {
                    throw new IllegalArgumentException("rows do not fit compact precision: mean divergence "
                            + meanDivergence + " nats (expected: at most " + MAX_MEAN_KL + "), largest error "
                            + largestError + " (expected: at most " + MAX_ERROR * shrink + ")");
                }
                double correction = Math.sqrt(AIM / meanDivergence);
                fineness *= Math.min(1.5, meanDivergence > MAX_MEAN_KL || wasteful ? correction : 0.97);
                step *= largestError > MAX_ERROR * shrink ? 0.97f : 1;
                continue;
            }
            return result(grid, tailGrid, temperatures);
        }
    }

    private QuantizedRows result(LevelGrid grid, LevelGrid tailGrid, int temperatures) {
        int[] ids = new int[depths.length];
        int[] drawCounts = new int[columns.drawCounts().length == 0 ? 0 : depths.length];
        int[] dataDepths = new int[rows];
        LevelGrid.Cells lookup = grid.cells();
        float[] offsetsOfTemperatures = new float[rows * temperatures];
        for (int row = 0; row < rows; row++) {
            int start = (from + row) * columns.stride();
            int count = offsets[row + 1] - offsets[row];
            System.arraycopy(columns.ids(), start, ids, offsets[row], count);
            if (drawCounts.length > 0) {
                System.arraycopy(columns.drawCounts(), start, drawCounts, offsets[row], count);
            }
            float data = columns.dataLogProbability()[from + row];
            dataDepths[row] = Float.isNaN(data) ? QuantizedRows.NOTHING : depth(grid, lookup, data);
        }
        System.arraycopy(
                columns.temperatureOffsets(),
                from * temperatures,
                offsetsOfTemperatures,
                0,
                offsetsOfTemperatures.length);
        return new QuantizedRows(
                grid, tailGrid, offsets, ids, depths, tailDepths, dataDepths, drawCounts, offsetsOfTemperatures);
    }

    /** As an entry of that value is rounded in {@link #round}, to the bit: a data token that is kept equals its entry. */
    private static int depth(LevelGrid grid, LevelGrid.Cells lookup, float logProbability) {
        int cell = (int) (logProbability * -LevelGrid.CELLS_PER_NAT);
        return cell >= 0 && cell < lookup.base().length && logProbability < 0
                ? (int) (lookup.base()[cell] + lookup.slope()[cell] * logProbability)
                : grid.depth(logProbability);
    }

    /** Fills the depths and measures: to second order a row's divergence is half the variance of its errors under the row. */
    private void round(LevelGrid grid, LevelGrid tailGrid) {
        double divergence = 0;
        double largest = 0;
        float[] logProbabilities = columns.logProbabilities();
        LevelGrid.Cells lookup = grid.cells();
        int cells = lookup.base().length;
        float[] base = lookup.base();
        float[] slope = lookup.slope();
        float[] table = lookup.values();
        float[] masses = lookup.masses();
        for (int row = 0; row < rows; row++) {
            int shift = (from + row) * columns.stride() - offsets[row];
            double mean = 0;
            double square = 0;
            float low = 0;
            float high = 0;
            for (int i = offsets[row]; i < offsets[row + 1]; i++) {
                float logProbability = logProbabilities[i + shift];
                int cell = (int) (logProbability * -LevelGrid.CELLS_PER_NAT);
                int depth;
                float error;
                float mass;
                if (cell >= 0 && cell < cells && logProbability < 0) {
                    depth = (int) (base[cell] + slope[cell] * logProbability);
                    error = table[depth] - logProbability;
                    mass = masses[depth];
                } else { // next to 0, far below, or not a number that can be coded
                    depth = grid.depth(logProbability);
                    error = grid.value(depth) - logProbability;
                    mass = grid.mass(depth);
                }
                depths[i] = depth;
                if (error < low) {
                    low = error;
                } else if (error > high) {
                    high = error;
                }
                double weighted = (double) mass * error;
                mean += weighted;
                square += weighted * error;
            }
            float tail = columns.logTailMass()[from + row];
            tailDepths[row] = QuantizedRows.NOTHING;
            if (tail != Float.NEGATIVE_INFINITY) {
                tailDepths[row] = tailGrid.depth(tail);
                double error = tailGrid.value(tailDepths[row]) - tail;
                double weighted = FastExp.exp(tail + error) * error;
                mean += weighted;
                square += weighted * error;
            }
            double variance = Math.max(0, square - mean * mean);
            double normalizer = mean - (square + mean * mean) / 2; // log of the sum of the rounded masses
            divergence += variance / 2;
            largest = Math.max(largest, Math.max(high - normalizer, normalizer - low));
        }
        meanDivergence = divergence / rows;
        largestError = largest;
    }

    /** The fineness whose expected divergence is the aim, from the probabilities of a sample of entries of all rows. */
    private double guess(float step) {
        int stride = 1 + depths.length / SAMPLE_ENTRIES;
        double[] probabilities = new double[depths.length / stride + 1];
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
        double fineness = Math.sqrt(24 * AIM * rows / (tails + depths.length));
        for (int i = 0; i < 30; i++) {
            double perKnee = step * step / (fineness * fineness);
            double effective = 0;
            for (int j = 0; j < sampled; j++) {
                double share = probabilities[j] * perKnee;
                effective += share < 1 ? share : 1;
            }
            double next = Math.min(2, Math.sqrt(24 * AIM * rows / (tails + effective * stride)));
            boolean settled = Math.abs(next - fineness) < 0.005 * fineness;
            fineness = next;
            if (settled) {
                break;
            }
        }
        return fineness;
    }

    private static float clamp(double value, float least, float most) {
        return (float) Math.max(least, Math.min(most, value));
    }
}
