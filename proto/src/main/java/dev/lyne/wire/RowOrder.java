package dev.lyne.wire;

import java.util.Arrays;

/**
 * Puts a row's entries from ascending order of id into descending order of height, entries of equal height staying as they came.
 * Heights below 64, which most are, are counted, with one word to tell which occur; the few above are sorted by insertion, and
 * where they are not few, or the grid's table does not reach down to the row, all are sorted. Owned by one thread.
 */
final class RowOrder {
    private static final int LOW = 64;

    /** Most entries that are sorted by insertion. */
    private static final int FEW = 48;

    /**
     * Places of each low height, and of all tall entries last: how many there are, then where the next one goes. All 0
     * between rows.
     */
    private final int[] places = new int[LOW + 1];

    /** The row in order. */
    private long[] sorted = new long[LOW];

    /** Log-probabilities of the low heights that occur in the row, before the shift. */
    private final float[] values = new float[LOW + 1];

    /**
     * Writes ids and log-probabilities of the entries {@code [from, to)}, in order, to the same stretch of the targets.
     *
     * @param floor depth that heights are counted from
     * @param tailMass probability of the tail, before the shift
     * @return the shift: log of the sum of all masses, which is taken from each value
     */
    float values(
            long[] entries, int from, int to, int floor, LevelGrid grid, double tailMass, int[] ids, float[] target) {
        float[] levels = grid.levels();
        if (from < to && 2 * floor >= levels.length) {
            return allValues(entries, from, to, floor, grid, tailMass, ids, target);
        }
        int[] next = places;
        long occurring = count(entries, from, to);
        int tall = next[LOW];
        if (tall > FEW) {
            Arrays.fill(next, 0);
            return allValues(entries, from, to, floor, grid, tailMass, ids, target);
        }
        long[] above = sorted;
        for (int i = 1; i < tall; i++) {
            insert(above, i, above[i]);
        }
        int highest = tall > 0 ? CodedRows.height(above[0]) : 63 - Long.numberOfLeadingZeros(occurring);
        requireBelowTop(highest, floor);
        float mass = 0;
        for (int i = 0; i < tall; i++) {
            mass += levels[2 * (floor - CodedRows.height(above[i])) + 1];
        }
        next[LOW] = from;
        int place = from + tall;
        while (occurring != 0) {
            int height = 63 - Long.numberOfLeadingZeros(occurring);
            occurring ^= 1L << height;
            int count = next[height];
            next[height] = place;
            place += count;
            int level = 2 * (floor - height);
            mass += count * levels[level + 1];
            values[height] = levels[level];
        }
        float shift = shift(mass + tailMass);
        place(entries, from, to, shift, ids, target);
        for (int i = 0; i < tall; i++) {
            ids[from + i] = CodedRows.id(above[i]);
            target[from + i] = levels[2 * (floor - CodedRows.height(above[i]))] - shift;
        }
        Arrays.fill(next, 0);
        return shift;
    }

    /** Counts low heights, puts tall entries aside, and says which low heights occur. No branch depends on an entry. */
    private long count(long[] entries, int from, int to) {
        int[] counts = places;
        if (sorted.length <= to - from) {
            sorted = new long[to - from + 1];
        }
        long[] above = sorted;
        long occurring = 0;
        int tall = 0;
        for (int i = from; i < to; i++) {
            long entry = entries[i];
            int height = CodedRows.height(entry);
            int over = (LOW - 1 - height) >> 31;
            counts[Math.min(height, LOW)]++;
            occurring |= 1L << height & ~over;
            above[tall] = entry;
            tall -= over;
        }
        return occurring;
    }

    /** Writes all entries where they belong, but for tall ones, which go to the front as they come. */
    private void place(long[] entries, int from, int to, float shift, int[] ids, float[] target) {
        int[] next = places;
        float[] valueOf = values;
        for (int i = from; i < to; i++) {
            long entry = entries[i];
            int height = Math.min(CodedRows.height(entry), LOW);
            int at = next[height]++;
            ids[at] = CodedRows.id(entry);
            target[at] = valueOf[height] - shift;
        }
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
