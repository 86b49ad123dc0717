package dev.lyne.wire;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.nio.ByteBuffer;

/** The columns of a block in exact or half precision: numbers of fixed width, one column after the other. */
final class WideColumns {
    private static final int SHORT_IDS = 1 << 16;

    private final BlockHeader header;
    private final int rows;
    private final int labelledRows;
    private final boolean half;
    private final boolean drawn;
    private final boolean shortIds;
    private final int temperatures;

    WideColumns(BlockHeader header, int labelledRows) {
        this.header = header;
        this.labelledRows = labelledRows;
        rows = header.rows();
        half = header.precision() == Precision.HALF;
        drawn = header.selection().keepsDraws();
        shortIds = half && header.vocabularySize() <= SHORT_IDS;
        temperatures = header.selection().temperatures().size();
    }

    /** Bytes of all columns. */
    long size(long entries) {
        int valueBytes = half ? 2 : 4;
        long entryBytes = (shortIds ? 2 : 4) + valueBytes + (drawn ? 4 : 0) + (header.rawLogits() ? valueBytes : 0);
        long rowBytes = 4 + valueBytes + (4L + valueBytes) * temperatures + (header.rawLogits() ? 4 : 0);
        return entries * entryBytes + rows * rowBytes + (long) labelledRows * valueBytes;
    }

    void put(ByteBuffer out, RowColumns columns, int from) {
        for (int row = from; row < from + rows; row++) {
            out.putInt(columns.counts()[row]);
        }
        putEntries(out, columns, from, columns.ids(), shortIds);
        putEntries(out, columns, from, columns.logProbabilities());
        if (drawn) {
            putEntries(out, columns, from, columns.drawCounts(), false);
        }
        for (int row = from; row < from + rows; row++) {
            putTail(out, columns.logTailMass()[row]);
        }
        for (int row = from; row < from + labelledRows; row++) {
            putValue(out, columns.labelLogProbability()[row]);
        }
        for (int i = from * temperatures; i < (from + rows) * temperatures; i++) {
            out.putFloat(columns.temperatureOffsets()[i]);
        }
        for (int i = from * temperatures; i < (from + rows) * temperatures; i++) {
            putTail(out, columns.temperedLogTails()[i]);
        }
        if (header.rawLogits()) {
            putEntries(out, columns, from, columns.logits());
            for (int row = from; row < from + rows; row++) {
                out.putFloat(columns.logSumExp()[row]);
            }
        }
    }

    private void putEntries(ByteBuffer out, RowColumns columns, int from, int[] values, boolean narrow) {
        for (int row = from; row < from + rows; row++) {
            int start = row * columns.stride();
            for (int i = start; i < start + columns.counts()[row]; i++) {
                if (narrow) {
                    out.putShort((short) values[i]);
                } else {
                    out.putInt(values[i]);
                }
            }
        }
    }

    private void putEntries(ByteBuffer out, RowColumns columns, int from, float[] values) {
        for (int row = from; row < from + rows; row++) {
            int start = row * columns.stride();
            for (int i = start; i < start + columns.counts()[row]; i++) {
                putValue(out, values[i]);
            }
        }
    }

    /** A tail that half precision rounds to nothing leaves no sign behind. */
    private void putTail(ByteBuffer out, float value) {
        putValue(out, half && value > -0x1p-25f ? 0 : value);
    }

    private void putValue(ByteBuffer out, float value) {
        if (!half) {
            out.putFloat(value);
            return;
        }
        if (Math.abs(value) > HalfFloat.MAX && value != Float.NEGATIVE_INFINITY) {
            throw new IllegalArgumentException(
                    "value " + value + " (expected: at most " + HalfFloat.MAX + " either way in half precision)");
        }
        out.putShort(HalfFloat.fromFloat(value));
    }

    /** Reads all columns; the buffer holds them and nothing else. */
    TargetBlock read(ByteBuffer in) {
        int most = header.selection().mostEntries(header.vocabularySize());
        boolean mayBeEmpty = header.selection().mayKeepNothing();
        Checks.remaining(in, 4L * rows, "counts");
        int[] offsets = new int[rows + 1];
        long entries = 0;
        for (int row = 0; row < rows; row++) {
            int count = in.getInt();
            if (count < (mayBeEmpty ? 0 : 1) || count > most) {
                throw new MalformedBlockException("row " + row + " keeps " + Integer.toUnsignedString(count)
                        + " entries (expected: " + (mayBeEmpty ? 0 : 1) + ".." + most + ")");
            }
            entries += count;
            offsets[row + 1] = (int) Math.min(entries, Integer.MAX_VALUE);
        }
        long expected = size(entries) - 4L * rows;
        if (in.remaining() != expected) {
            throw new MalformedBlockException(
                    in.remaining() + " bytes of columns (expected: " + expected + " for " + entries + " entries)");
        }
        int[] ids = ids(in, (int) entries);
        float[] logProbabilities = values(in, ids.length, "log-probability");
        int[] drawCounts = new int[drawn ? ids.length : 0];
        for (int i = 0; i < drawCounts.length; i++) {
            drawCounts[i] = Checks.bounded("draws", in.getInt(), 0, Selection.MAX_DRAWS);
        }
        float[] logTailMass = values(in, rows, "log tail mass");
        float[] label = new float[rows];
        label[rows - 1] = Float.NaN;
        System.arraycopy(values(in, labelledRows, "label log-probability"), 0, label, 0, labelledRows);
        float[] temperatureOffsets = floats(in, rows * temperatures, "temperature offset");
        float[] temperedLogTails = values(in, rows * temperatures, "log tail mass at a temperature");
        float[] logits = values(in, header.rawLogits() ? ids.length : 0, "logit");
        float[] logSumExp = floats(in, header.rawLogits() ? rows : 0, "log-sum-exp");
        return new TargetBlock(
                header,
                offsets,
                ids,
                logProbabilities,
                logTailMass,
                label,
                temperatureOffsets,
                temperedLogTails,
                drawCounts,
                logits,
                logSumExp);
    }

    private int[] ids(ByteBuffer in, int entries) {
        int[] ids = new int[entries];
        for (int i = 0; i < entries; i++) {
            ids[i] = shortIds ? Short.toUnsignedInt(in.getShort()) : in.getInt();
            if (Integer.compareUnsigned(ids[i], header.vocabularySize()) >= 0) {
                throw new MalformedBlockException("token id " + Integer.toUnsignedString(ids[i]) + " (expected: 0.."
                        + (header.vocabularySize() - 1) + ")");
            }
        }
        return ids;
    }

    private float[] values(ByteBuffer in, int count, String name) {
        if (!half) {
            return floats(in, count, name);
        }
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = Checks.number(name, HalfFloat.toFloat(in.getShort()));
        }
        return values;
    }

    private static float[] floats(ByteBuffer in, int count, String name) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = Checks.number(name, in.getFloat());
        }
        return values;
    }
}
