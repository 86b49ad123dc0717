package dev.lyne.wire;

import java.util.Arrays;

/** Reads the third stream of a compact block: see {@link CutWriter}. Owned by one thread. */
final class CutReader {
    private static final int MAX_LENGTH = 20;

    private final BitReader in;
    private int[] chosen = new int[16];
    private int[] others = new int[16];

    CutReader(BitReader in) {
        this.in = in;
    }

    /**
     * Puts the entry that comes before the first cut in front, where the level of a row's first entry has others. To be called for
     * each such row in order, before all else.
     *
     * @param ids of the row from {@code from} on, {@code level} ids of equal level in ascending order first
     */
    void putFirst(int[] ids, int from, int level) {
        readSubset(level, 1);
        int place = chosen[0];
        int id = ids[from + place];
        System.arraycopy(ids, from, ids, from + 1, place);
        ids[from] = id;
    }

    /**
     * Reads all, puts ids of equal level in order as far as cuts tell it, and gives the {@linkplain Correction corrections}.
     *
     * @param ids row after row, in descending order of level, ids of equal level ascending
     */
    long[] read(int[] offsets, int[] ids, int[] depths, int temperatures) {
        int rows = offsets.length - 1;
        int most = 0;
        for (int row = 0; row < rows; row++) {
            most = Math.max(most, offsets[row + 1] - offsets[row]);
        }
        int[] cuts = Cuts.below(most);
        long[] corrections = new long[16];
        int count = 0;
        for (int row = 0; cuts.length > 0 && row < rows; row++) {
            order(offsets[row], offsets[row] + cuts[0], offsets[row + 1], ids, depths);
        }
        for (int row = 0; row < rows; row++) {
            for (int cut = 1; cut < cuts.length; cut++) {
                order(offsets[row] + cuts[cut - 1], offsets[row] + cuts[cut], offsets[row + 1], ids, depths);
            }
        }
        for (int cut = 0; cut < cuts.length; cut++) {
            for (int temperature = 0; temperature <= temperatures; temperature++) {
                int more = golomb(0);
                if (more > rows) {
                    throw new MalformedBlockException(more + " tails to mend (expected: at most " + rows + ")");
                }
                int row = -1;
                for (int i = 0; i < more; i++) {
                    row += 1 + golomb(CutWriter.ROW_ORDER);
                    int zigzag = golomb(0) + 1;
                    if (row >= rows || zigzag > 2 * Correction.MAX_STEPS) {
                        throw new MalformedBlockException("a tail of row " + row + " to mend by " + zigzag
                                + " (expected: rows 0.." + (rows - 1) + ", 1.." + 2 * Correction.MAX_STEPS + ")");
                    }
                    if (count == corrections.length) {
                        corrections = Arrays.copyOf(corrections, 2 * count);
                    }
                    corrections[count++] = Correction.of(cut, temperature, row, (zigzag >>> 1) ^ -(zigzag & 1));
                }
            }
        }
        in.finish();
        return Arrays.copyOf(corrections, count);
    }

    /** Puts the ids of the level that straddles {@code at} in order: those before it first, both sides ascending. */
    private void order(int least, int at, int end, int[] ids, int[] depths) {
        if (at >= end || depths[at] != depths[at - 1]) {
            return;
        }
        int first = at - 1;
        while (first > least && depths[first - 1] == depths[at]) {
            first--;
        }
        int last = at + 1;
        while (last < end && depths[last] == depths[at]) {
            last++;
        }
        readSubset(last - first, at - first);
        int kept = first;
        int dropped = 0;
        int next = 0;
        for (int i = first; i < last; i++) {
            if (next < at - first && chosen[next] == i - first) {
                ids[kept++] = ids[i];
                next++;
            } else {
                others[dropped++] = ids[i];
            }
        }
        System.arraycopy(others, 0, ids, at, dropped);
    }

    /** Fills {@code chosen} with the ascending numbers of the {@code left} of {@code count} entries that come before a cut. */
    private void readSubset(int count, int left) {
        if (chosen.length < count) {
            chosen = new int[2 * count];
            others = new int[2 * count];
        }
        int fewer = Math.min(left, count - left);
        int width = CutWriter.width(count);
        if (CutWriter.byNumber(count, fewer, width)) {
            readNumbers(count, left, fewer, width);
            return;
        }
        int found = 0;
        for (int i = 0; found < left; i++) {
            boolean certain = left - found == count - i;
            if (certain || in.bits(1) == 1) {
                chosen[found++] = i;
            }
        }
    }

    private void readNumbers(int count, int left, int fewer, int width) {
        boolean named = left <= count - left;
        int previous = -1;
        int found = 0;
        for (int i = 0; i < fewer; i++) {
            int number = in.bits(width);
            if (number <= previous || number >= count) {
                throw new MalformedBlockException("entry " + number + " of a level after " + previous
                        + " (expected: ascending, below " + count + ")");
            }
            if (named) {
                chosen[found++] = number;
            } else {
                while (++previous < number) {
                    chosen[found++] = previous;
                }
            }
            previous = number;
        }
        while (!named && ++previous < count) {
            chosen[found++] = previous;
        }
    }

    private int golomb(int order) {
        long bits = BitReader.peek(in.bytes(), in.at());
        int zeros = Long.numberOfTrailingZeros(bits);
        int rest = zeros + order;
        if (rest > MAX_LENGTH) {
            throw new MalformedBlockException("a number of " + rest + " bits (expected: at most " + MAX_LENGTH + ")");
        }
        in.moveTo(in.at() + zeros + 1 + rest);
        return ((int) (bits >>> (zeros + 1)) & ((1 << rest) - 1) | 1 << rest) - (1 << order);
    }
}
