package dev.lyne.wire;

import dev.lyne.row.Precision;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * Reads target blocks from bytes that nobody vouches for: every size is checked against the bytes that are there before
 * anything of that size is allocated, so memory is bounded by the input's length. Safe for several threads.
 */
public final class BlockDecoder {
    private BlockDecoder() {}

    /** Reads the header alone, after checking the CRC32C of the whole block. Does not move the buffer's position. */
    public static BlockHeader header(ByteBuffer block) {
        return HeaderBytes.read(checked(block)).header();
    }

    /** Reads the whole block. Does not move the buffer's position. */
    public static TargetBlock decode(ByteBuffer block) {
        ByteBuffer in = checked(block);
        HeaderBytes.Prologue prologue = HeaderBytes.read(in);
        if (prologue.header().precision() == Precision.COMPACT) {
            return new CompactColumns(prologue.header(), prologue.labelledRows()).read(in);
        }
        return new WideColumns(prologue.header(), prologue.labelledRows()).read(in);
    }

    /** Reads the whole block, and sees that it can be cut to fewer entries, too, which {@link #decode} leaves to whoever cuts it. */
    public static TargetBlock decodeToCut(ByteBuffer block) {
        TargetBlock decoded = decode(block);
        if (decoded.header().precision() == Precision.COMPACT) {
            QuantizedRows unused = levels(block);
        }
        return decoded;
    }

    /** The rows of a compact block on their grid. */
    static QuantizedRows levels(ByteBuffer block) {
        ByteBuffer in = checked(block);
        HeaderBytes.Prologue prologue = HeaderBytes.read(in);
        return new CompactColumns(prologue.header(), prologue.labelledRows()).levels(in);
    }

    /** A little-endian view without the checksum, once the checksum is found right. */
    private static ByteBuffer checked(ByteBuffer block) {
        ByteBuffer in = block.slice().order(ByteOrder.LITTLE_ENDIAN);
        int least = BlockLayout.FIXED_HEADER_BYTES + BlockLayout.CHECKSUM_BYTES;
        if (in.remaining() < least || in.remaining() > BlockLayout.MAX_BLOCK_BYTES) {
            throw new MalformedBlockException(
                    in.remaining() + " bytes (expected: " + least + ".." + BlockLayout.MAX_BLOCK_BYTES + ")");
        }
        if (in.getInt(0) != BlockLayout.MAGIC) {
            throw new MalformedBlockException(
                    String.format("starts with %08x (expected: %08x)", in.getInt(0), BlockLayout.MAGIC));
        }
        if (in.get(4) != BlockLayout.VERSION) {
            throw new MalformedBlockException(
                    "version " + in.get(4) + " (expected: " + BlockLayout.VERSION + "; is one end older?)");
        }
        int payload = in.remaining() - BlockLayout.CHECKSUM_BYTES;
        CRC32C crc = new CRC32C();
        crc.update(in.slice(0, payload));
        if ((int) crc.getValue() != in.getInt(payload)) {
            throw new MalformedBlockException(String.format(
                    "CRC32C %08x of the bytes (expected: %08x as stated)", (int) crc.getValue(), in.getInt(payload)));
        }
        return in.limit(payload);
    }
}
