package dev.lyne.wire;

import java.util.Arrays;

/**
 * Puts a row's entries from the order in which they are coded into descending order of height, entries of equal height staying as
 * they came. Heights below 64, which most are, are counted, with one word to tell which occur; the few above are sorted by
 * insertion. Owned by one thread.
 */
final class RowOrder {
    private static final int LOW = 64;

    /** Most entries that are sorted by insertion. */
    private static final int FEW = 48;

    private final int[] places = new int[LOW];
    private final int[] tall = new int[FEW];

    /** Writes items and {@code floor − height} of {@code [from, from + count)} to the same stretch of the two targets. */
    void arrange(int[] items, int[] heights, int from, int count, int floor, int[] toItems, int[] toDepths) {
        int high = 0;
        long occupied = 0;
        for (int i = from; i < from + count; i++) {
            int height = heights[i];
            if (height < LOW) {
                places[height]++;
                occupied |= 1L << height;
            } else {
                if (high == FEW) {
                    Arrays.fill(places, 0);
                    arrangeTall(items, heights, from, count, floor, toItems, toDepths);
                    return;
                }
                int place = high++;
                while (place > 0 && heights[tall[place - 1]] < height) {
                    tall[place] = tall[place - 1];
                    place--;
                }
                tall[place] = i;
            }
        }
        for (int i = 0; i < high; i++) {
            toItems[from + i] = items[tall[i]];
            toDepths[from + i] = floor - heights[tall[i]];
        }
        int place = from + high;
        while (occupied != 0) {
            int height = 63 - Long.numberOfLeadingZeros(occupied);
            occupied ^= 1L << height;
            int next = place + places[height];
            places[height] = place;
            place = next;
        }
        for (int i = from; i < from + count; i++) {
            int height = heights[i];
            if (height < LOW) {
                int to = places[height]++;
                toItems[to] = items[i];
                toDepths[to] = floor - height;
            }
        }
        Arrays.fill(places, 0);
    }

    private static void arrangeTall(
            int[] items, int[] heights, int from, int count, int floor, int[] toItems, int[] toDepths) {
        long[] keys = new long[count];
        for (int i = 0; i < count; i++) {
            keys[i] = ((long) -heights[from + i] << 32) | i;
        }
        Arrays.sort(keys);
        for (int i = 0; i < count; i++) {
            int source = from + (int) keys[i];
            toItems[from + i] = items[source];
            toDepths[from + i] = floor - heights[source];
        }
    }
}
