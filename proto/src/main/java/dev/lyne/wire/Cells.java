package dev.lyne.wire;

/**
 * Depths of a {@link LevelGrid} without an exponential: log-probabilities fall into cells by the highest bits of their floats, and within
 * a cell a depth is a straight line, halfway between the grid's curve and its chord. Finer grids have finer cells, so that depths are
 * within {@link #ERROR} steps.
 */
final class Cells {
    /** Bound of a rounding's end from half a step, in steps. */
    static final double ERROR = 0.004;

    /** An octave has 2^6 cells, or more for finer grids. */
    private static final int LEAST_BITS = 6;

    private static final int MOST_BITS = 8;

    /** Levels from √p = 1 to 0 that the coarsest cells are fine enough for; the error goes with the square of a cell's width. */
    private static final double LEVELS_FOR_LEAST_BITS = 450;

    /** Depths below lose too much in float32. */
    private static final int DEEPEST = 1 << 14;

    /** The octaves of −log p, from 2^-8 to 2^4 nats. */
    private static final int LOWEST_EXPONENT = -8;

    private static final int OCTAVES = 12;
    private static final int MANTISSA_BITS = 23;
    private static final int EXPONENT_BITS = 8;
    private static final int EXPONENT_BIAS = 127;

    /** √p at the ends and in the middle of the finest cells. */
    private static final double[] ROOTS = new double[(OCTAVES << (MOST_BITS + 1)) + 1];

    static {
        for (int i = 0; i < ROOTS.length; i++) {
            ROOTS[i] = StrictMath.exp(-0.5 * start(i, MOST_BITS + 1));
        }
    }

    /** No cells at all. */
    static final Cells NONE = new Cells(LEAST_BITS, new float[0]);

    private final int shift;

    /** The highest bits of the first cell's values. */
    private final int first;

    /** Lines of the cells: of cell i the depth at 0 nats and a half, and the change a nat, at 2i and 2i + 1. */
    private final float[] lines;

    private Cells(int bits, float[] lines) {
        shift = MANTISSA_BITS - bits;
        first = 1 << (EXPONENT_BITS + bits) | (EXPONENT_BIAS + LOWEST_EXPONENT) << bits;
        this.lines = lines;
    }

    /** The cells of a grid; none where the finest would not do. */
    static Cells of(LevelGrid grid) {
        int bits = LEAST_BITS;
        while (grid.levelsPerRoot() > LEVELS_FOR_LEAST_BITS * (1 << 2 * (bits - LEAST_BITS)) && bits <= MOST_BITS) {
            bits++;
        }
        int cells = OCTAVES << bits;
        if (bits > MOST_BITS || grid.unrounded(-start(cells, bits), ROOTS[ROOTS.length - 1]) > DEEPEST) {
            return new Cells(bits, new float[0]);
        }
        float[] lines = new float[2 * cells];
        int stride = 1 << (MOST_BITS - bits);
        double start = start(0, bits);
        double above = grid.unrounded(-start, ROOTS[0]);
        for (int cell = 0; cell < cells; cell++) {
            double end = start(cell + 1, bits);
            double middle = grid.unrounded(-0.5 * (start + end), ROOTS[(2 * cell + 1) * stride]);
            double below = grid.unrounded(-end, ROOTS[(2 * cell + 2) * stride]);
            double slope = (below - above) / (end - start);
            double bulge = middle - 0.5 * (above + below);
            lines[2 * cell] = (float) (above - slope * start + 0.5 * bulge + 0.5);
            lines[2 * cell + 1] = (float) -slope;
            start = end;
            above = below;
        }
        return new Cells(bits, lines);
    }

    /** −log p where a cell of so many bits starts, in nats. */
    private static double start(int cell, int bits) {
        return Float.intBitsToFloat((((EXPONENT_BIAS + LOWEST_EXPONENT) << bits) + cell) << (MANTISSA_BITS - bits));
    }

    /** Depth of a log-probability, or −1 where no cell holds it, as none does above 0 or what is not a number. */
    int depth(float logProbability) {
        int line = 2 * ((Float.floatToRawIntBits(logProbability) >>> shift) - first);
        return Integer.compareUnsigned(line, lines.length) < 0
                ? (int) (lines[line] + lines[line + 1] * logProbability)
                : -1;
    }
}
