package dev.lyne.wire;

/**
 * Rows as a compact block's streams give them: entries in ascending order of id, since gaps between ids are what is coded. They are put
 * into order of probability only where they are read.
 *
 * @param offsets row r holds entries {@code offsets[r]} to {@code offsets[r + 1]}, `[rows + 1]`
 * @param entries height, id (20 bits) and draw count (20 bits), from the highest bits down, `[entries]` or more
 * @param floors depth that heights are counted from, `[rows]`
 * @param tailDepths `[rows]`; {@link QuantizedRows#NOTHING} for −∞
 * @param labelDepths `[rows]`; {@link QuantizedRows#NOTHING} where a row has no label
 * @param temperedDepths `[rows · temperatures]`; {@link QuantizedRows#NOTHING} for −∞
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
record CodedRows(
        int[] offsets, long[] entries, int[] floors, int[] tailDepths, int[] labelDepths, int[] temperedDepths) {
    private static final int FIELD_BITS = 20;

    int count() {
        return offsets[offsets.length - 1];
    }

    /** The bits of an entry that hold its height. */
    static final long HEIGHT_MASK = -1L << 2 * FIELD_BITS;

    static long entry(int id, int height) {
        return (long) height << 2 * FIELD_BITS | (long) id << FIELD_BITS;
    }

    static int id(long entry) {
        return (int) (entry >>> FIELD_BITS) & ((1 << FIELD_BITS) - 1);
    }

    static int draws(long entry) {
        return (int) entry & ((1 << FIELD_BITS) - 1);
    }

    static int height(long entry) {
        return (int) (entry >>> 2 * FIELD_BITS);
    }
}
