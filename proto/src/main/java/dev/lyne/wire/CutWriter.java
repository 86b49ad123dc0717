package dev.lyne.wire;

import java.util.Arrays;

/**
 * Writes the third stream of a compact block: which entries of equal level come before each cut, and how tails that levels do not give
 * closely enough are mended. Keeps its scratch between blocks; owned by one thread.
 */
final class CutWriter {
    /** Order of the Golomb code of the rows between two corrections. */
    static final int ROW_ORDER = 4;

    /** Ids that take a bit each in any case. */
    private static final int FEW = 16;

    /** Marks of few ids that go out at once; as many again may follow. */
    private static final int MOST_MARKS = 56 - FEW;

    private int[] members = new int[16];

    /** Appends the marks of the first cut, those of the others row after row, and the corrections of all. */
    void write(QuantizedRows rows, BitWriter out) {
        int[] cuts = Cuts.below(rows.most());
        out.ensure((long) rows.rows() * (cuts.length + 1) * Long.BYTES);
        int top = Math.min(1, cuts.length);
        for (int row = 0; row < rows.rows(); row++) {
            int first = rows.offsets()[row];
            putMarks(rows, cuts, first, rows.offsets()[row + 1], rows.starts()[row] - first, 0, top, out);
        }
        for (int row = 0; row < rows.rows(); row++) {
            int first = rows.offsets()[row];
            putMarks(rows, cuts, first, rows.offsets()[row + 1], rows.starts()[row] - first, 1, cuts.length, out);
        }
        int correction = 0;
        for (int cut = 0; cut < cuts.length; cut++) {
            for (int temperature = 0; temperature <= rows.temperatures(); temperature++) {
                correction = putCorrections(rows.corrections(), correction, cut, temperature, out);
            }
        }
    }

    /**
     * Writes for the entries {@code [start, end)} of a row which of a level that straddles one of the cuts come before
     * it.
     */
    private void putMarks(
            QuantizedRows rows, int[] cuts, int start, int end, int shift, int from, int to, BitWriter out) {
        int[] depths = rows.depths();
        long straddled = 0;
        for (int cut = from; cut < to && start + cuts[cut] < end; cut++) {
            int at = start + cuts[cut];
            straddled |= (depths[at - 1] - depths[at]) >= 0 ? 1L << cut : 0; // depths never decrease
        }
        long marks = 0;
        int marked = 0;
        for (; straddled != 0; straddled &= straddled - 1) {
            int cut = Long.numberOfTrailingZeros(straddled);
            int at = start + cuts[cut];
            int least = cut == 0 ? start : start + cuts[cut - 1];
            int depth = depths[at];
            int first = at - 1;
            while (first > least && depths[first - 1] == depth) {
                first--;
            }
            int last = at + 1;
            while (last < end && depths[last] == depth) {
                last++;
            }
            if (last - first <= FEW) {
                int few = few(rows.ids(), first + shift, at + shift, last + shift);
                int certain = certain(few, last - first);
                marks |= (long) (few & ((1 << certain) - 1)) << marked;
                marked += certain;
                if (marked > MOST_MARKS) {
                    out.put(marks, marked);
                    marks = 0;
                    marked = 0;
                }
            } else {
                out.put(marks, marked);
                marks = 0;
                marked = 0;
                putSubset(rows.ids(), first + shift, at + shift, last + shift, out);
            }
        }
        out.put(marks, marked);
    }

    /** Does as {@link #putSubset}, for few ids, whose places in order are counted: no branch depends on an id. */
    private static int few(int[] ids, int first, int at, int last) {
        int bits = 0;
        for (int i = first; i < at; i++) {
            int id = ids[i];
            int place = 0;
            for (int j = first; j < last; j++) {
                place -= (ids[j] - id) >> 31;
            }
            bits |= 1 << place;
        }
        return bits;
    }

    /** How many of the bits of so many ids are needed until the rest is certain. */
    private static int certain(int bits, int count) {
        int all = (1 << count) - 1;
        boolean endsBefore = bits >> (count - 1) != 0;
        return Integer.SIZE - Integer.numberOfLeadingZeros(endsBefore ? ~bits & all : bits);
    }

    /**
     * Writes which of the ids {@code [first, last)} stand before {@code at}. In ascending order of id a bit each, until
     * the rest is certain; of many ids, the numbers of the fewer ones of the two sides where that is shorter.
     */
    private void putSubset(int[] ids, int first, int at, int last, BitWriter out) {
        int count = last - first;
        if (members.length < count) {
            members = new int[2 * count];
        }
        int[] sorted = members;
        for (int i = first; i < last; i++) {
            sorted[i - first] = ids[i] << 1 | (i < at ? 1 : 0);
        }
        Arrays.sort(sorted, 0, count);
        out.ensure(count + Long.BYTES);
        int left = at - first;
        int fewer = Math.min(left, count - left);
        int width = width(count);
        if (byNumber(count, fewer, width)) {
            int side = left <= count - left ? 1 : 0;
            for (int i = 0; i < count; i++) {
                if ((sorted[i] & 1) == side) {
                    out.put(i, width);
                }
            }
            return;
        }
        for (int i = 0; i < count && left > 0 && left < count - i; i++) {
            out.put(sorted[i] & 1, 1);
            left -= sorted[i] & 1;
        }
    }

    /** Bits of the number of an id among so many. */
    static int width(int count) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(count - 1);
    }

    /** Whether the fewer ones are numbered. */
    static boolean byNumber(int count, int fewer, int width) {
        return count > FEW && (long) fewer * width < count - 1;
    }

    private static int putCorrections(long[] corrections, int from, int cut, int temperature, BitWriter out) {
        int end = from;
        while (end < corrections.length && Correction.isOf(corrections[end], cut, temperature)) {
            end++;
        }
        out.ensure(12L * (end - from + 1));
        putGolomb(end - from, 0, out);
        int next = 0;
        for (int i = from; i < end; i++) {
            int row = Correction.row(corrections[i]);
            int steps = Correction.steps(corrections[i]);
            putGolomb(row - next, ROW_ORDER, out);
            putGolomb(((steps << 1) ^ (steps >> 31)) - 1, 0, out);
            next = row + 1;
        }
        return end;
    }

    private static void putGolomb(int number, int order, BitWriter out) {
        int sum = number + (1 << order);
        int length = Integer.SIZE - 1 - Integer.numberOfLeadingZeros(sum);
        out.put((1L | (long) (sum ^ (1 << length)) << 1) << (length - order), 2 * length - order + 1);
    }
}
