package dev.lyne.wire;

/** Ready Rice codes of the gaps that most ids have. */
final class RiceCodes {
    private static final int GAPS = 256;
    private static final int PARAMETERS = 9;
    private static final int LENGTH_SHIFT = 26;

    /** Of parameter r and gap g, at r·256 + g: the bits (26), and how many they are; 0 where they are more. */
    private static final int[] CODES = new int[PARAMETERS * GAPS];

    static {
        for (int rice = 0; rice < PARAMETERS; rice++) {
            for (int gap = 0; gap < GAPS; gap++) {
                int zeros = gap >>> rice;
                int length = zeros + 1 + rice;
                if (length <= LENGTH_SHIFT && zeros < CodeTables.ESCAPE) {
                    CODES[rice * GAPS + gap] = (1 | (gap & ((1 << rice) - 1)) << 1) << zeros | length << LENGTH_SHIFT;
                }
            }
        }
    }

    private RiceCodes() {}

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
