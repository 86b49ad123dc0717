package dev.lyne.teacher.cache.entry;

import dev.lyne.teacher.score.CacheKey;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.RowsQuery;
import dev.lyne.teacher.score.StoredRows;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * An entry's bytes. Integers are little-endian:
 *
 * <pre>
 * 0   4   magic, "LYNE"
 * 4   4   version, {@value #VERSION}
 * 8   32  cache key
 * 40  4   number of blocks, 1 or more
 * 44      each block: 4 bytes of length, then the block as it travels
 *     4   CRC32C of all bytes before it
 * </pre>
 *
 * <p>The blocks say the rest themselves: teacher, execution fingerprint, selection, positions, and the hash of the tokens and
 * positions that they answer. Nothing is stated twice, so nothing can disagree. A change of this layout, or of the blocks',
 * takes a new version; stores keep versions apart, so that servers of two versions never overwrite each other's entries.
 */
public final class EntryFormat {
    /** Version of entries written, and the only one read. */
    public static final int VERSION = 2;

    private static final int MAGIC = 0x454e594c;
    private static final int HEADER_BYTES = 4 + 4 + CacheKey.BYTES + 4;
    private static final int CHECKSUM_BYTES = 4;

    private EntryFormat() {}

    /** The outcome of reading an entry. */
    public sealed interface Reading {
        /** Whole, and of this teacher, machine and sequence. It may hold other rows than are wanted. */
        record Sound(StoredRows rows) implements Reading {}

        /** Not to be used. */
        record Damaged(String reason) implements Reading {}
    }

    /** Bytes that {@link #write} makes. */
    public static long bytes(StoredRows rows) {
        return HEADER_BYTES + 4L * rows.rows().blocks().size() + rows.bytes() + CHECKSUM_BYTES;
    }

    /** The entry of rows; they must take less than 2 GiB. */
    public static byte[] write(CacheKey key, StoredRows rows) {
        List<EncodedBlock> blocks = rows.rows().blocks();
        ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(bytes(rows))).order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(MAGIC).putInt(VERSION).put(key.bytes()).putInt(blocks.size());
        for (EncodedBlock block : blocks) {
            out.putInt(block.bytes().length).put(block.bytes());
        }
        out.putInt(checksum(out.array(), out.position()));
        return out.array();
    }

    /** Reads bytes that nobody vouches for. Takes no more memory than they do, times a small number. */
    public static Reading read(byte[] entry, RowsQuery query) {
        int payload = entry.length - CHECKSUM_BYTES;
        if (payload < HEADER_BYTES) {
            return new Reading.Damaged(
                    entry.length + " bytes (expected: at least " + (HEADER_BYTES + CHECKSUM_BYTES) + ")");
        }
        ByteBuffer in = ByteBuffer.wrap(entry).order(ByteOrder.LITTLE_ENDIAN);
        if (in.getInt(payload) != checksum(entry, payload)) {
            return new Reading.Damaged("its CRC32C is not that of its bytes");
        }
        if (in.getInt() != MAGIC || in.getInt() != VERSION) {
            return new Reading.Damaged("it does not start as entries of version " + VERSION + " do");
        }
        byte[] key = new byte[CacheKey.BYTES];
        in.get(key);
        if (!Arrays.equals(key, query.key().bytes())) {
            return new Reading.Damaged("it is the entry of another key");
        }
        int count = in.getInt();
        in.limit(payload);
        List<byte[]> blocks = new ArrayList<>();
        while (in.remaining() >= 4) {
            int length = in.getInt();
            if (length < 0 || length > in.remaining()) {
                return new Reading.Damaged("block " + blocks.size() + " is cut off");
            }
            byte[] block = new byte[length];
            in.get(block);
            blocks.add(block);
        }
        if (in.hasRemaining() || blocks.isEmpty() || blocks.size() != count) {
            return new Reading.Damaged(blocks.size() + " blocks (expected: " + count + " as stated)");
        }
        return BlockCheck.check(blocks, query);
    }

    private static int checksum(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }
}
