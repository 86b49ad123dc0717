package dev.lyne.wire;

import dev.lyne.v1.PositionRange;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Wanted positions of a sequence, as arrays of ascending integers and as the ranges of the contract. */
public final class Positions {
    private Positions() {}

    /** Every position of an n-token sequence that has a label: 0 to n − 2. */
    public static int[] withLabels(int tokens) {
        return IntStream.range(0, tokens - 1).toArray();
    }

    /**
     * The positions that a request names; all with data where it names none.
     *
     * @throws IllegalArgumentException naming the range that is empty, out of order or past the sequence's end
     */
    public static int[] from(List<PositionRange> ranges, int tokens) {
        if (ranges.isEmpty()) {
            return withLabels(tokens);
        }
        long end = 0;
        int total = 0;
        for (PositionRange range : ranges) {
            long first = Integer.toUnsignedLong(range.getFirst());
            long count = Integer.toUnsignedLong(range.getCount());
            if (count == 0 || first < end || first + count > tokens) {
                throw new IllegalArgumentException("positions: first " + first + " count " + count
                        + " (expected: count at least 1, ascending and disjoint, within 0.." + (tokens - 1) + ")");
            }
            end = first + count;
            total += (int) count;
        }
        int[] positions = new int[total];
        int at = 0;
        for (PositionRange range : ranges) {
            for (int i = 0; i < range.getCount(); i++) {
                positions[at++] = range.getFirst() + i;
            }
        }
        return positions;
    }

    /** The ranges of ascending positions. */
    public static List<PositionRange> toRanges(int[] positions) {
        List<PositionRange> ranges = new ArrayList<>();
        for (int start = 0; start < positions.length; ) {
            int end = start + 1;
            while (end < positions.length && positions[end] == positions[end - 1] + 1) {
                end++;
            }
            ranges.add(PositionRange.newBuilder()
                    .setFirst(positions[start])
                    .setCount(end - start)
                    .build());
            start = end;
        }
        return ranges;
    }
}
