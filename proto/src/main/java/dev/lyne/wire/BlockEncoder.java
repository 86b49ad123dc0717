package dev.lyne.wire;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import dev.lyne.v1.PositionRange;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.zip.CRC32C;

/** Writes target blocks: header, columns or bit stream, CRC32C. Equal rows give equal bytes. Safe for several threads. */
public final class BlockEncoder {
    /** Scratch that grows to the largest block; one a thread, because blocks are encoded on a few long-lived threads. */
    private static final ThreadLocal<Scratch> COMPACT = ThreadLocal.withInitial(
            () -> new Scratch(new Quantizer(), new CompactEncoder(), new CutWriter(), new BitWriter(1 << 16)));

    private record Scratch(Quantizer quantizer, CompactEncoder encoder, CutWriter cuts, BitWriter out) {}

    private BlockEncoder() {}

    /**
     * Encodes the header's rows, which are {@code columns}' rows {@code from} to {@code from + header.rows()}.
     *
     * @throws IllegalArgumentException where a value is one that the format forbids, such as a NaN, or does not fit the precision
     */
    public static byte[] encode(BlockHeader header, RowColumns columns, int from) {
        EncodingRules.require(header, columns, from);
        int last = from + header.rows() - 1;
        int labelledRows = Float.isNaN(columns.labelLogProbability()[last]) ? header.rows() - 1 : header.rows();
        if (header.precision() == Precision.COMPACT) {
            Selection selection = header.selection();
            QuantizedRows rows = COMPACT.get()
                    .quantizer()
                    .quantize(columns, from, header.rows(), selection.temperatures(), selection.keepsPrefix());
            return encode(header, rows);
        }
        List<PositionRange> ranges = Positions.toRanges(header.positions());
        long entries = 0;
        for (int row = from; row < from + header.rows(); row++) {
            entries += columns.counts()[row];
        }
        WideColumns wide = new WideColumns(header, labelledRows);
        int size = Math.toIntExact(HeaderBytes.size(header, ranges) + wide.size(entries) + BlockLayout.CHECKSUM_BYTES);
        ByteBuffer out = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        HeaderBytes.put(out, header, ranges, labelledRows);
        wide.put(out, columns, from);
        return seal(out.array());
    }

    /** Encodes rows that are on a grid already. */
    static byte[] encode(BlockHeader header, QuantizedRows rows) {
        List<PositionRange> ranges = Positions.toRanges(header.positions());
        ByteBuffer head = ByteBuffer.allocate(HeaderBytes.size(header, ranges)).order(ByteOrder.LITTLE_ENDIAN);
        boolean lastWithoutLabel = rows.labelDepths()[rows.rows() - 1] == QuantizedRows.NOTHING;
        int labelledRows = lastWithoutLabel ? rows.rows() - 1 : rows.rows();
        HeaderBytes.put(head, header, ranges, labelledRows);
        Scratch scratch = COMPACT.get();
        return seal(new CompactColumns(header, labelledRows)
                .encode(rows, scratch.encoder(), scratch.cuts(), scratch.out(), head.flip()));
    }

    /** Writes the checksum of all bytes before them into the last four. */
    private static byte[] seal(byte[] block) {
        int payload = block.length - BlockLayout.CHECKSUM_BYTES;
        CRC32C crc = new CRC32C();
        crc.update(block, 0, payload);
        ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN).putInt(payload, (int) crc.getValue());
        return block;
    }
}
