package dev.lyne.wire;

import dev.lyne.v1.PositionRange;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The header of a block as bytes. */
final class HeaderBytes {
    private static final byte TOP_K = 1;
    private static final byte TOP_P_K = 2;
    private static final byte TOP_FRACTION = 3;
    private static final byte DRAWS = 4;
    private static final byte CHOSEN = 5;
    private static final byte LABEL_ONLY = 6;

    private HeaderBytes() {}

    /** A header and how many of its rows have a label. */
    record Prologue(BlockHeader header, int labelledRows) {}

    /** The numbers of a selection as the header has them: k, eight bytes and four bytes whose meaning the kind decides. */
    private record Parameters(byte kind, int k, long eight, int four) {}

    static int size(BlockHeader header, List<PositionRange> ranges) {
        return BlockLayout.FIXED_HEADER_BYTES
                + 4 * header.selection().temperatures().size()
                + BlockLayout.RANGE_BYTES * ranges.size();
    }

    static void put(ByteBuffer out, BlockHeader header, List<PositionRange> ranges, int labelledRows) {
        Parameters selection = parameters(header.selection(), header.vocabularySize());
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

    private static Parameters parameters(Selection selection, int vocabularySize) {
        long one = Double.doubleToRawLongBits(1.0);
        int oneFloat = Float.floatToRawIntBits(1f);
        if (selection instanceof Selection.TopK rule) {
            return new Parameters(TOP_K, rule.k(), one, oneFloat);
        } else if (selection instanceof Selection.TopPK rule) {
            return new Parameters(
                    TOP_P_K,
                    rule.k(),
                    Double.doubleToRawLongBits(rule.p()),
                    Float.floatToRawIntBits(rule.truncationTemperature()));
        } else if (selection instanceof Selection.TopFraction rule) {
            return new Parameters(
                    TOP_FRACTION,
                    rule.mostEntries(vocabularySize),
                    Double.doubleToRawLongBits(rule.fraction()),
                    oneFloat);
        } else if (selection instanceof Selection.Draws rule) {
            return new Parameters(DRAWS, rule.head(), rule.seed(), rule.draws());
        } else if (selection instanceof Selection.Chosen rule) {
            return new Parameters(CHOSEN, rule.k(), one, oneFloat);
        }
        return new Parameters(LABEL_ONLY, 0, one, oneFloat);
    }

    /** Reads a header from position 0 of a block whose magic, version and checksum are right; leaves the position after it. */
    static Prologue read(ByteBuffer in) {
        in.position(5);
        Precision precision = Precision.ofCode(in.get());
        byte kind = in.get();
        byte flags = in.get();
        if ((flags & ~(BlockLayout.FLAG_LAST_ROW_WITHOUT_LABEL | BlockLayout.FLAG_RAW_LOGITS)) != 0) {
            throw new MalformedBlockException("flags " + flags + " (expected: 0..3)");
        }
        int vocabularySize = in.getInt();
        Parameters parameters = new Parameters(kind, in.getInt(), in.getLong(), in.getInt());
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
            Selection selection = selection(parameters, temperatures);
            if (!parameters.equals(parameters(selection, vocabularySize))) {
                throw new MalformedBlockException(
                        "selection " + parameters + " (expected: " + parameters(selection, vocabularySize) + ")");
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

    private static Selection selection(Parameters parameters, List<Float> temperatures) {
        return switch (parameters.kind()) {
            case TOP_K -> new Selection.TopK(parameters.k(), temperatures);
            case TOP_P_K ->
                new Selection.TopPK(
                        Double.longBitsToDouble(parameters.eight()),
                        parameters.k(),
                        Float.intBitsToFloat(parameters.four()),
                        temperatures);
            case TOP_FRACTION -> new Selection.TopFraction(Double.longBitsToDouble(parameters.eight()), temperatures);
            case DRAWS -> new Selection.Draws(parameters.four(), parameters.k(), parameters.eight(), temperatures);
            case CHOSEN -> new Selection.Chosen(parameters.k(), temperatures);
            case LABEL_ONLY -> new Selection.LabelOnly(temperatures);
            default -> throw new MalformedBlockException("selection kind " + parameters.kind() + " (expected: 1..6)");
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

    private static byte[] bytes(ByteBuffer in, int count) {
        byte[] bytes = new byte[count];
        in.get(bytes);
        return bytes;
    }
}
