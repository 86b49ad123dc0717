package dev.lyne.wire;

import java.util.Arrays;

/**
 * Finds, among the 255 rows before a row, the one that shares most ids with it. Each id has a set of rows as 256 bits; adding up the
 * sets of a row's ids, with one binary counter for each bit position, gives all overlaps at once: a carry-save adder works on 64
 * counters in one operation. Ids come as dense numbers in order of first occurrence in the block. Owned by one thread.
 */
final class ReferenceSearch {
    /** Rows that the search looks back, plus the row itself. */
    static final int WINDOW = 256;

    private static final int WORDS = WINDOW / 64;

    /** Counters: bit i of plane j is bit j of the overlap with row i of a word. */
    private final long[] planes = new long[24];

    private long[] rowsOf = new long[WORDS << 12];
    private int bestOverlap;

    /** Forgets all rows; {@code used} dense numbers were in use. */
    void clear(int used) {
        Arrays.fill(rowsOf, 0, used * WORDS, 0);
    }

    /** Makes room for a dense number. */
    void ensure(int number) {
        if ((number + 1) * WORDS > rowsOf.length) {
            rowsOf = Arrays.copyOf(rowsOf, 2 * rowsOf.length);
        }
    }

    /** Notes that a row has the ids {@code [from, to)} of {@code numbers}. */
    void add(int row, int[] numbers, int from, int to) {
        int word = (row >> 6) & (WORDS - 1);
        long bit = 1L << row;
        for (int i = from; i < to; i++) {
            rowsOf[numbers[i] * WORDS + word] |= bit;
        }
    }

    /** Takes back {@link #add}: the row has left the window. */
    void remove(int row, int[] numbers, int from, int to) {
        int word = (row >> 6) & (WORDS - 1);
        long bit = ~(1L << row);
        for (int i = from; i < to; i++) {
            rowsOf[numbers[i] * WORDS + word] &= bit;
        }
    }

    /** How many rows back the best reference of {@code row} is, or 0 where no row before it shares an id. */
    int distance(int row, int[] numbers, int count) {
        bestOverlap = 0;
        int best = 0;
        int words = Math.min(WORDS, (row + 63) >> 6);
        for (int word = 0; word < words; word++) {
            int before = bestOverlap;
            long rows = mostShared(word, numbers, count);
            if (bestOverlap > before) {
                int slot = (word << 6) + 63 - Long.numberOfLeadingZeros(rows);
                best = (row - slot) & (WINDOW - 1);
            }
        }
        return best;
    }

    /** Ids shared with the row that {@link #distance} found. */
    int overlap() {
        return bestOverlap;
    }

    /** The rows of one word with the largest overlap, where that is above the best so far; raises the best. */
    private long mostShared(int word, int[] numbers, int count) {
        long[] sets = rowsOf;
        long ones = 0;
        long twos = 0;
        long fours = 0;
        long eights = 0;
        long sixteens = 0;
        int used = 6;
        planes[5] = 0;
        int i = 0;
        for (; i < count - 7; i += 8) {
            long a = sets[numbers[i] * WORDS + word];
            long b = sets[numbers[i + 1] * WORDS + word];
            long u = ones ^ a;
            long twoA = (ones & a) | (u & b);
            ones = u ^ b;
            a = sets[numbers[i + 2] * WORDS + word];
            b = sets[numbers[i + 3] * WORDS + word];
            u = ones ^ a;
            long twoB = (ones & a) | (u & b);
            ones = u ^ b;
            u = twos ^ twoA;
            long fourA = (twos & twoA) | (u & twoB);
            twos = u ^ twoB;
            a = sets[numbers[i + 4] * WORDS + word];
            b = sets[numbers[i + 5] * WORDS + word];
            u = ones ^ a;
            twoA = (ones & a) | (u & b);
            ones = u ^ b;
            a = sets[numbers[i + 6] * WORDS + word];
            b = sets[numbers[i + 7] * WORDS + word];
            u = ones ^ a;
            twoB = (ones & a) | (u & b);
            ones = u ^ b;
            u = twos ^ twoA;
            long fourB = (twos & twoA) | (u & twoB);
            twos = u ^ twoB;
            u = fours ^ fourA;
            long eight = (fours & fourA) | (u & fourB);
            fours = u ^ fourB;
            long sixteen = eights & eight;
            eights ^= eight;
            long more = sixteens & sixteen;
            sixteens ^= sixteen;
            if (more != 0) { // once in 32 entries at most
                used = carry(5, used, more);
            }
        }
        planes[0] = ones;
        planes[1] = twos;
        planes[2] = fours;
        planes[3] = eights;
        planes[4] = sixteens;
        for (; i < count; i++) {
            used = carry(0, used, sets[numbers[i] * WORDS + word]);
        }
        return largest(used);
    }

    /** Adds 2^from to the counters of these rows; returns how many planes are in use. */
    private int carry(int from, int used, long bits) {
        int plane = from;
        long carry = bits;
        while (carry != 0) {
            if (plane == used) {
                planes[used++] = 0;
            }
            long next = planes[plane] & carry;
            planes[plane++] ^= carry;
            carry = next;
        }
        return used;
    }

    private long largest(int used) {
        long rows = -1;
        int overlap = 0;
        for (int plane = used - 1; plane >= 0; plane--) {
            long with = rows & planes[plane];
            overlap <<= 1;
            if (with != 0) {
                rows = with;
                overlap |= 1;
            }
        }
        if (overlap <= bestOverlap) {
            return 0;
        }
        bestOverlap = overlap;
        return rows;
    }
}
