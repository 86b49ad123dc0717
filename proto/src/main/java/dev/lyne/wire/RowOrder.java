package dev.lyne.wire;

import java.util.Arrays;

/**
 * Puts a row's entries from ascending order of id into descending order of height, entries of equal height staying as they came.
 * Heights below 64, which most are, are counted, with one word to tell which occur; the few above are sorted by insertion, and
 * where they are not few, all are sorted. Owned by one thread.
 */
final class RowOrder {
    private static final int LOW = 64;

    /** Most entries that are sorted by insertion. */
    private static final int FEW = 48;

    /** Of each low height: its entries, then where the next one goes. All 0 between rows. */
    private final int[] places = new int[LOW];

    /** The row in order. */
    private long[] sorted = new long[LOW];

    /** Log-probabilities of the low heights that occur in the row, before the shift. */
    private final float[] values = new float[LOW];

    /**
     * Writes ids and log-probabilities of the entries {@code [from, to)}, in order, to the same stretch of the targets.
     *
     * @param floor depth that heights are counted from
     * @param tailMass probability of the tail, before the shift
     * @return the shift: log of the sum of all masses, which is taken from each value
     */
    float values(
            long[] entries, int from, int to, int floor, LevelGrid grid, double tailMass, int[] ids, float[] target) {
        int[] next = places;
        long[] result = sorted;
        int tall = 0;
        long occurring = 0;
        for (int i = from; i < to; i++) {
            long entry = entries[i];
            int height = CodedRows.height(entry);
            if (height < LOW) {
                next[height]++;
                occurring |= 1L << height;
            } else {
                if (tall == FEW) {
                    Arrays.fill(next, 0);
                    return allValues(entries, from, to, floor, grid, tailMass, ids, target);
                }
                insert(result, tall++, entry);
            }
        }
        int highest = tall > 0 ? CodedRows.height(result[0]) : 63 - Long.numberOfLeadingZeros(occurring);
        requireBelowTop(highest, floor);
        float mass = 0;
        for (int i = 0; i < tall; i++) {
            mass += grid.mass(floor - CodedRows.height(result[i]));
        }
        int place = from + tall;
        while (occurring != 0) {
            int height = 63 - Long.numberOfLeadingZeros(occurring);
            occurring ^= 1L << height;
            int count = next[height];
            next[height] = place;
            place += count;
            mass += count * grid.mass(floor - height);
            values[height] = grid.value(floor - height);
        }
        float shift = shift(mass + tailMass);
        for (int i = 0; i < tall; i++) {
            ids[from + i] = CodedRows.id(result[i]);
            target[from + i] = grid.value(floor - CodedRows.height(result[i])) - shift;
        }
        for (int i = from; i < to; i++) {
            long entry = entries[i];
            int height = CodedRows.height(entry);
            if (height < LOW) {
                int at = next[height]++;
                ids[at] = CodedRows.id(entry);
                target[at] = values[height] - shift;
            }
        }
        Arrays.fill(next, 0);
        return shift;
    }

    private float allValues(
            long[] entries, int from, int to, int floor, LevelGrid grid, double tailMass, int[] ids, float[] target) {
        long[] result = sort(entries, from, to);
        requireBelowTop(CodedRows.height(result[0]), floor);
        float mass = 0;
        for (int i = 0; i < to - from; i++) {
            mass += grid.mass(floor - CodedRows.height(result[i]));
        }
        float shift = shift(mass + tailMass);
        for (int i = 0; i < to - from; i++) {
            ids[from + i] = CodedRows.id(result[i]);
            target[from + i] = grid.value(floor - CodedRows.height(result[i])) - shift;
        }
        return shift;
    }

    private static float shift(double mass) {
        if (!(mass > 0)) {
            throw new MalformedBlockException("a row without mass");
        }
        return (float) Math.log(mass);
    }

    /** Refuses a row that stands above the first level. */
    static void requireBelowTop(int height, int floor) {
        if (height > floor) {
            throw new MalformedBlockException("a row that rises " + (height - floor) + " levels above the grid");
        }
    }

    /** Sorts the entries {@code [from, to)}: descending by height is ascending by its complement, and ids follow it. */
    long[] sort(long[] entries, int from, int to) {
        if (sorted.length < to - from) {
            sorted = new long[to - from];
        }
        for (int i = from; i < to; i++) {
            sorted[i - from] = entries[i] ^ (CodedRows.HEIGHT_MASK & Long.MAX_VALUE);
        }
        Arrays.sort(sorted, 0, to - from);
        for (int i = 0; i < to - from; i++) {
            sorted[i] ^= CodedRows.HEIGHT_MASK & Long.MAX_VALUE;
        }
        return sorted;
    }

    private static void insert(long[] sorted, int used, long entry) {
        int place = used;
        while (place > 0 && CodedRows.height(sorted[place - 1]) < CodedRows.height(entry)) {
            sorted[place] = sorted[place - 1];
            place--;
        }
        sorted[place] = entry;
    }
}
