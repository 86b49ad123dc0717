package dev.lyne.wire;

import dev.lyne.v1.PositionRange;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.zip.CRC32C;

/** Writes target blocks: header, columns, CRC32C. */
public final class BlockEncoder {
    private BlockEncoder() {}

    /**
     * Encodes the header's rows, which are {@code columns}' rows {@code from} to {@code from + header.rows()}.
     *
     * @throws IllegalArgumentException where a data log-probability is missing before the last row
     */
    public static byte[] encode(BlockHeader header, RowColumns columns, int from) {
        List<PositionRange> ranges = Positions.toRanges(header.positions());
        int rows = header.rows();
        int entries = 0;
        for (int row = from; row < from + rows; row++) {
            entries += columns.counts()[row];
        }
        boolean lastWithoutData = Float.isNaN(columns.dataLogProbability()[from + rows - 1]);
        int dataRows = lastWithoutData ? rows - 1 : rows;
        int temperatures = header.selection().temperatures().size();
        int bytes = BlockLayout.FIXED_HEADER_BYTES
                + 4 * temperatures
                + BlockLayout.RANGE_BYTES * ranges.size()
                + 4 * rows
                + 8 * entries
                + 4 * (rows + dataRows + rows * temperatures)
                + BlockLayout.CHECKSUM_BYTES;
        ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        putHeader(out, header, ranges, lastWithoutData);
        putColumns(out, columns, from, rows, dataRows, temperatures);
        CRC32C crc = new CRC32C();
        crc.update(out.array(), 0, out.position());
        out.putInt((int) crc.getValue());
        return out.array();
    }

    private static void putHeader(
            ByteBuffer out, BlockHeader header, List<PositionRange> ranges, boolean lastWithoutData) {
        Selection selection = header.selection();
        out.putInt(BlockLayout.MAGIC);
        out.put(BlockLayout.VERSION);
        out.put(BlockLayout.PRECISION_EXACT);
        out.put(selection instanceof Selection.TopPK ? BlockLayout.KIND_TOP_P_K : BlockLayout.KIND_TOP_K);
        out.put(lastWithoutData ? BlockLayout.FLAG_LAST_ROW_WITHOUT_DATA : 0);
        out.putInt(header.vocabularySize());
        out.putInt(selection.k());
        out.putDouble(selection instanceof Selection.TopPK rule ? rule.p() : 1.0);
        out.putFloat(selection instanceof Selection.TopPK rule ? rule.truncationTemperature() : 1f);
        out.put(header.teacherDigest()).put(header.fingerprintDigest()).put(header.rowsDigest());
        out.putInt(selection.temperatures().size());
        out.putInt(header.rows());
        out.putInt(ranges.size());
        selection.temperatures().forEach(out::putFloat);
        for (PositionRange range : ranges) {
            out.putInt(range.getFirst()).putInt(range.getCount());
        }
    }

    private static void putColumns(
            ByteBuffer out, RowColumns columns, int from, int rows, int dataRows, int temperatures) {
        for (int row = from; row < from + rows; row++) {
            out.putInt(columns.counts()[row]);
        }
        for (int row = from; row < from + rows; row++) {
            int start = row * columns.stride();
            for (int i = start; i < start + columns.counts()[row]; i++) {
                out.putInt(columns.ids()[i]);
            }
        }
        for (int row = from; row < from + rows; row++) {
            int start = row * columns.stride();
            for (int i = start; i < start + columns.counts()[row]; i++) {
                out.putFloat(columns.logProbabilities()[i]);
            }
        }
        for (int row = from; row < from + rows; row++) {
            out.putFloat(columns.logTailMass()[row]);
        }
        for (int row = from; row < from + dataRows; row++) {
            float data = columns.dataLogProbability()[row];
            if (Float.isNaN(data)) {
                throw new IllegalArgumentException(
                        "row " + row + ": no data log-probability (expected: one in every row but the last)");
            }
            out.putFloat(data);
        }
        for (int i = from * temperatures; i < (from + rows) * temperatures; i++) {
            out.putFloat(columns.temperatureOffsets()[i]);
        }
    }
}
