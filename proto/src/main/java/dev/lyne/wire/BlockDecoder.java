package dev.lyne.wire;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Reads target blocks from bytes that nobody vouches for: every size is checked against the bytes that are there before
 * anything of that size is allocated, so memory is bounded by the input's length.
 */
public final class BlockDecoder {
    private BlockDecoder() {}

    /** Reads the header alone, after checking the CRC32C of the whole block. Does not move the buffer's position. */
    public static BlockHeader header(ByteBuffer block) {
        return readHeader(checked(block)).header();
    }

    /** Reads the whole block. Does not move the buffer's position. */
    public static TargetBlock decode(ByteBuffer block) {
        ByteBuffer in = checked(block);
        Prologue prologue = readHeader(in);
        BlockHeader header = prologue.header();
        int rows = header.rows();
        require(in, 4L * rows, "counts");
        int[] offsets = new int[rows + 1];
        long entries = 0;
        for (int row = 0; row < rows; row++) {
            int count = in.getInt();
            if (count < 1 || count > header.selection().k()) {
                throw new MalformedBlockException("row " + row + " keeps " + Integer.toUnsignedString(count)
                        + " entries (expected: 1.." + header.selection().k() + ")");
            }
            entries += count;
            offsets[row + 1] = (int) Math.min(entries, Integer.MAX_VALUE);
        }
        int temperatures = header.selection().temperatures().size();
        int dataRows = prologue.lastWithoutData() ? rows - 1 : rows;
        long expected = 8L * entries + 4L * (rows + dataRows + (long) rows * temperatures);
        if (in.remaining() != expected) {
            throw new MalformedBlockException(
                    in.remaining() + " bytes of columns (expected: " + expected + " for " + entries + " entries)");
        }
        int[] ids = new int[(int) entries];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = in.getInt();
            if (Integer.compareUnsigned(ids[i], header.vocabularySize()) >= 0) {
                throw new MalformedBlockException("token id " + Integer.toUnsignedString(ids[i]) + " (expected: 0.."
                        + (header.vocabularySize() - 1) + ")");
            }
        }
        float[] logProbabilities = floats(in, ids.length, "log-probability");
        float[] logTailMass = floats(in, rows, "log tail mass");
        float[] data = new float[rows];
        data[rows - 1] = Float.NaN;
        System.arraycopy(floats(in, dataRows, "data log-probability"), 0, data, 0, dataRows);
        float[] temperatureOffsets = floats(in, rows * temperatures, "temperature offset");
        return new TargetBlock(header, offsets, ids, logProbabilities, logTailMass, data, temperatureOffsets);
    }

    private record Prologue(BlockHeader header, boolean lastWithoutData) {}

    /** A little-endian view without the checksum, once the checksum is found right. */
    private static ByteBuffer checked(ByteBuffer block) {
        ByteBuffer in = block.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (in.remaining() < BlockLayout.FIXED_HEADER_BYTES + BlockLayout.CHECKSUM_BYTES) {
            throw new MalformedBlockException(in.remaining() + " bytes (expected: at least "
                    + (BlockLayout.FIXED_HEADER_BYTES + BlockLayout.CHECKSUM_BYTES) + ")");
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

    private static Prologue readHeader(ByteBuffer in) {
        in.position(5);
        byte precision = in.get();
        if (precision != BlockLayout.PRECISION_EXACT) {
            throw new MalformedBlockException("precision " + precision + " (expected: 1, exact)");
        }
        byte kind = in.get();
        byte flags = in.get();
        if ((flags & ~BlockLayout.FLAG_LAST_ROW_WITHOUT_DATA) != 0) {
            throw new MalformedBlockException("flags " + flags + " (expected: 0 or 1)");
        }
        int vocabularySize = in.getInt();
        int k = in.getInt();
        double p = in.getDouble();
        float truncationTemperature = in.getFloat();
        byte[] teacher = bytes(in, BlockHeader.TEACHER_DIGEST_BYTES);
        byte[] fingerprint = bytes(in, Digests.SHORT_BYTES);
        byte[] rowsDigest = bytes(in, Digests.SHORT_BYTES);
        int temperatureCount = bounded("temperatures", in.getInt(), 0, BlockLayout.MAX_TEMPERATURES);
        int rows = bounded("rows", in.getInt(), 1, BlockLayout.MAX_ROWS);
        int ranges = bounded("position ranges", in.getInt(), 1, rows);
        require(in, 4L * temperatureCount + (long) BlockLayout.RANGE_BYTES * ranges + 4L * rows, "header and counts");
        List<Float> temperatures = new ArrayList<>();
        for (int i = 0; i < temperatureCount; i++) {
            temperatures.add(in.getFloat());
        }
        int[] positions = positions(in, rows, ranges);
        try {
            Selection selection = selection(kind, k, p, truncationTemperature, temperatures);
            return new Prologue(
                    new BlockHeader(vocabularySize, selection, teacher, fingerprint, rowsDigest, positions),
                    flags == BlockLayout.FLAG_LAST_ROW_WITHOUT_DATA);
        } catch (IllegalArgumentException e) {
            throw new MalformedBlockException(String.valueOf(e.getMessage()));
        }
    }

    private static Selection selection(byte kind, int k, double p, float truncation, List<Float> temperatures) {
        return switch (kind) {
            case BlockLayout.KIND_TOP_K -> {
                if (p != 1.0 || truncation != 1f) {
                    throw new MalformedBlockException(
                            "top-k with p " + p + " and truncation temperature " + truncation + " (expected: 1 and 1)");
                }
                yield new Selection.TopK(k, temperatures);
            }
            case BlockLayout.KIND_TOP_P_K -> new Selection.TopPK(p, k, truncation, temperatures);
            default -> throw new MalformedBlockException("selection kind " + kind + " (expected: 1 or 2)");
        };
    }

    private static int[] positions(ByteBuffer in, int rows, int ranges) {
        int[] positions = new int[rows];
        int at = 0;
        long end = 0;
        for (int i = 0; i < ranges; i++) {
            long first = Integer.toUnsignedLong(in.getInt());
            long count = Integer.toUnsignedLong(in.getInt());
            if (count == 0 || count > rows - at || first < end || first + count > Integer.MAX_VALUE) {
                throw new MalformedBlockException("positions " + first + " and " + count
                        + " from there (expected: ascending, disjoint, " + rows + " in all)");
            }
            for (int j = 0; j < count; j++) {
                positions[at++] = (int) first + j;
            }
            end = first + count;
        }
        if (at != rows) {
            throw new MalformedBlockException(at + " positions (expected: " + rows + ")");
        }
        return positions;
    }

    private static float[] floats(ByteBuffer in, int count, String name) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = in.getFloat();
            if (Float.isNaN(values[i]) || values[i] == Float.POSITIVE_INFINITY) {
                throw new MalformedBlockException(name + " " + values[i] + " (expected: a number)");
            }
        }
        return values;
    }

    private static byte[] bytes(ByteBuffer in, int count) {
        byte[] bytes = new byte[count];
        in.get(bytes);
        return bytes;
    }

    private static int bounded(String name, int value, int min, int max) {
        if (value < min || value > max) {
            throw new MalformedBlockException(
                    Integer.toUnsignedString(value) + " " + name + " (expected: " + min + ".." + max + ")");
        }
        return value;
    }

    private static void require(ByteBuffer in, long bytes, String what) {
        if (in.remaining() < bytes) {
            throw new MalformedBlockException(
                    in.remaining() + " bytes left for " + what + " (expected: at least " + bytes + ")");
        }
    }
}
