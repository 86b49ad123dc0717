package dev.lyne.wire;

/**
 * How the log tail mass of a row that is cut differs from the log of the masses that its levels say, as one number that sorts by cut,
 * temperature, then row: number of the cut (16 bits), temperature (0: that of the row, 1; else the one's number plus one; 8 bits),
 * row (16 bits), and steps of a quarter of the grid's largest step (16 bits).
 */
final class Correction {
    private static final int STEP_BITS = 16;
    private static final int ROW_BITS = 16;
    private static final int TEMPERATURE_BITS = 8;

    /** Most steps either way. */
    static final int MAX_STEPS = (1 << 14) - 1;

    private Correction() {}

    static long of(int cut, int temperature, int row, int steps) {
        return (((long) cut << TEMPERATURE_BITS | temperature) << ROW_BITS | row) << STEP_BITS | steps & 0xffff;
    }

    static boolean isOf(long correction, int cut, int temperature) {
        return correction >>> (ROW_BITS + STEP_BITS) == ((long) cut << TEMPERATURE_BITS | temperature);
    }

    static int row(long correction) {
        return (int) (correction >>> STEP_BITS) & 0xffff;
    }

    static int steps(long correction) {
        return (short) correction;
    }

    /** Returns the correction of a row; a row without one has a correction of 0 steps. */
    static int find(long[] corrections, int cut, int temperature, int row) {
        long from = of(cut, temperature, row, 0);
        int low = 0;
        int high = corrections.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (corrections[middle] < from) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        boolean found = low < corrections.length && corrections[low] >>> STEP_BITS == from >>> STEP_BITS;
        return found ? steps(corrections[low]) : 0;
    }
}
