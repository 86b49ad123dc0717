package dev.lyne.wire;

/**
 * Codes of the gaps between rows that have an id, in a compact block: Rice codes, of which those of most gaps are
 * ready.
 */
final class RiceCodes {
    /** Zeros that stand for a gap in {@link #ESCAPED_BITS} bits. */
    static final int ESCAPE = 24;

    /** Bits of a gap between rows that is written as it is: there are 2^16 rows at most. */
    static final int ESCAPED_BITS = 16;

    private static final int GAPS = 256;
    private static final int PARAMETERS = 9;
    private static final int LENGTH_SHIFT = 26;

    /** Codes of parameter r and gap g, at r·256 + g: the bits (26), and how many they are; 0 where they are more. */
    private static final int[] CODES = new int[PARAMETERS * GAPS];

    static {
        for (int rice = 0; rice < PARAMETERS; rice++) {
            for (int gap = 0; gap < GAPS; gap++) {
                int zeros = gap >>> rice;
                int length = zeros + 1 + rice;
                if (length <= LENGTH_SHIFT && zeros < ESCAPE) {
                    CODES[rice * GAPS + gap] = (1 | (gap & ((1 << rice) - 1)) << 1) << zeros | length << LENGTH_SHIFT;
                }
            }
        }
    }

    private RiceCodes() {}

    /** Bits of a gap between rows that stand after its unary part (Rice, 1979), by how many of the rows have the id: `[rows + 1]`. */
    static byte[] parameters(int rows) {
        byte[] bits = new byte[rows + 1];
        for (int rowsWithId = 1; rowsWithId <= rows; rowsWithId++) {
            int share = (int) (13L * rows / (16L * rowsWithId));
            bits[rowsWithId] = (byte) Math.max(0, 31 - Integer.numberOfLeadingZeros(share));
        }
        return bits;
    }

    /** The code of a gap; 0 where none is ready. */
    static int code(int gap, int rice) {
        return Integer.compareUnsigned(gap, GAPS) < 0 && rice < PARAMETERS ? CODES[rice * GAPS + gap] : 0;
    }

    static long bits(int code) {
        return code & ((1 << LENGTH_SHIFT) - 1);
    }

    static int length(int code) {
        return code >>> LENGTH_SHIFT;
    }
}
