package dev.lyne.wire;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.v1.PositionRange;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The header of a block as bytes. */
final class HeaderBytes {
    private HeaderBytes() {}

    /** A header and how many of its rows have a label. */
    record Prologue(BlockHeader header, int labelledRows) {}

    static int size(BlockHeader header, List<PositionRange> ranges) {
        return BlockLayout.FIXED_HEADER_BYTES
                + 4 * header.selection().temperatures().size()
                + BlockLayout.RANGE_BYTES * ranges.size();
    }

    static void put(ByteBuffer out, BlockHeader header, List<PositionRange> ranges, int labelledRows) {
        Selection.Code selection = header.selection().code(header.vocabularySize());
        out.putInt(BlockLayout.MAGIC);
        out.put(BlockLayout.VERSION);
        out.put(header.precision().code());
        out.put(selection.kind());
        out.put((byte) ((labelledRows < header.rows() ? BlockLayout.FLAG_LAST_ROW_WITHOUT_LABEL : 0)
                | (header.rawLogits() ? BlockLayout.FLAG_RAW_LOGITS : 0)));
        out.putInt(header.vocabularySize());
        out.putInt(selection.k());
        out.putLong(selection.eight());
        out.putInt(selection.four());
        out.put(header.teacherDigest()).put(header.fingerprintDigest()).put(header.rowsDigest());
        out.putInt(header.selection().temperatures().size());
        out.putInt(header.rows());
        out.putInt(ranges.size());
        header.selection().temperatures().forEach(out::putFloat);
        for (PositionRange range : ranges) {
            out.putInt(range.getFirst()).putInt(range.getCount());
        }
    }

    /** Reads a header from position 0 of a block whose magic, version and checksum are right; leaves the position after it. */
    static Prologue read(ByteBuffer in) {
        in.position(5);
        Precision precision = precision(in.get());
        byte kind = in.get();
        byte flags = in.get();
        if ((flags & ~(BlockLayout.FLAG_LAST_ROW_WITHOUT_LABEL | BlockLayout.FLAG_RAW_LOGITS)) != 0) {
            throw new MalformedBlockException("flags " + flags + " (expected: 0..3)");
        }
        int vocabularySize = in.getInt();
        Selection.Code code = new Selection.Code(kind, in.getInt(), in.getLong(), in.getInt());
        byte[] teacher = bytes(in, BlockHeader.TEACHER_DIGEST_BYTES);
        byte[] fingerprint = bytes(in, Digests.SHORT_BYTES);
        byte[] rowsDigest = bytes(in, Digests.SHORT_BYTES);
        int temperatureCount = Checks.bounded("temperatures", in.getInt(), 0, BlockLayout.MAX_TEMPERATURES);
        int rows = Checks.bounded("rows", in.getInt(), 1, BlockLayout.MAX_ROWS);
        int ranges = Checks.bounded("position ranges", in.getInt(), 1, rows);
        Checks.remaining(in, 4L * temperatureCount + (long) BlockLayout.RANGE_BYTES * ranges, "header");
        List<Float> temperatures = new ArrayList<>();
        for (int i = 0; i < temperatureCount; i++) {
            temperatures.add(in.getFloat());
        }
        int[] positions = positions(in, rows, ranges);
        boolean lastWithoutLabel = (flags & BlockLayout.FLAG_LAST_ROW_WITHOUT_LABEL) != 0;
        try {
            Selection selection = Selection.of(code, temperatures);
            if (!code.equals(selection.code(vocabularySize))) {
                throw new MalformedBlockException(
                        "selection " + code + " (expected: " + selection.code(vocabularySize) + ")");
            }
            BlockHeader header = new BlockHeader(
                    vocabularySize,
                    selection,
                    precision,
                    (flags & BlockLayout.FLAG_RAW_LOGITS) != 0,
                    teacher,
                    fingerprint,
                    rowsDigest,
                    positions);
            return new Prologue(header, lastWithoutLabel ? rows - 1 : rows);
        } catch (IllegalArgumentException e) {
            throw new MalformedBlockException(String.valueOf(e.getMessage()));
        }
    }

    private static Precision precision(byte code) {
        try {
            return Precision.ofCode(code);
        } catch (IllegalArgumentException e) {
            throw new MalformedBlockException(String.valueOf(e.getMessage()));
        }
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

    private static byte[] bytes(ByteBuffer in, int count) {
        byte[] bytes = new byte[count];
        in.get(bytes);
        return bytes;
    }
}
