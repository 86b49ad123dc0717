package dev.lyne.wire.capture;

import java.nio.ByteBuffer;
import java.util.Comparator;

/**
 * Where a sequence's rows are.
 *
 * @param shard number of the shard
 * @param offset of the entry in the shard, in bytes
 * @param length of the entry, checksum included, in bytes
 * @param rows rows held
 * @param firstPosition lowest position held
 * @param lastPosition highest position held; the blocks name those between
 * @param tokens tokens of the sequence
 */
record IndexRecord(
        SequenceKey key,
        int shard,
        long offset,
        int length,
        int rows,
        int firstPosition,
        int lastPosition,
        int tokens) {
    static final int BYTES = SequenceKey.BYTES + 4 + 8 + 4 + 4 + 4 + 4 + 4;

    /** By key, then place. */
    static final Comparator<IndexRecord> ORDER = Comparator.comparing(IndexRecord::key)
            .thenComparingInt(IndexRecord::shard)
            .thenComparingLong(IndexRecord::offset);

    /** Whether the positions held may include all the ascending ones that are wanted, as far as their bounds tell. */
    boolean mayCover(int[] positions) {
        return positions[0] >= firstPosition && positions[positions.length - 1] <= lastPosition;
    }

    void put(ByteBuffer out) {
        key.put(out);
        out.putLong(offset).putInt(shard).putInt(length).putInt(rows);
        out.putInt(firstPosition).putInt(lastPosition).putInt(tokens);
    }

    static IndexRecord get(ByteBuffer in) {
        byte[] digest = new byte[SequenceKey.BYTES];
        in.get(digest);
        long offset = in.getLong();
        int shard = in.getInt();
        return new IndexRecord(
                new SequenceKey(digest),
                shard,
                offset,
                in.getInt(),
                in.getInt(),
                in.getInt(),
                in.getInt(),
                in.getInt());
    }
}
