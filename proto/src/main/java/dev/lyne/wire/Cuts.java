package dev.lyne.wire;

import java.util.Arrays;

/**
 * The numbers of entries that compact rows can be cut to: powers of two, and three times them. At these a block says which entries of
 * equal level come before the cut, so that a row cut there keeps exactly the ids that a fresh one would.
 */
final class Cuts {
    private static final int[] FACTORS = {1, 3};

    private Cuts() {}

    /** Whether compact rows can be cut to so many entries. */
    static boolean isCut(int entries) {
        int odd = entries >>> Integer.numberOfTrailingZeros(entries);
        for (int factor : FACTORS) {
            if (odd == factor) {
                return true;
            }
        }
        return false;
    }

    /** The cuts below a number of entries, in ascending order. */
    static int[] below(int entries) {
        int count = 0;
        int[] cuts = new int[FACTORS.length * Integer.SIZE];
        for (int cut = next(0); cut < entries; cut = next(cut)) {
            cuts[count++] = cut;
        }
        return Arrays.copyOf(cuts, count);
    }

    /** The least cut above a number. */
    private static int next(int above) {
        int least = Integer.MAX_VALUE;
        for (int factor : FACTORS) {
            int cut = factor;
            while (cut <= above) {
                cut *= 2;
            }
            least = Math.min(least, cut);
        }
        return least;
    }
}
