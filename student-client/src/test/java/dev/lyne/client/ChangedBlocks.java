package dev.lyne.client;

import com.google.protobuf.ByteString;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import dev.lyne.wire.BlockDecoder;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.TargetBlock;
import java.util.function.IntUnaryOperator;
import java.util.function.UnaryOperator;

/** Blocks written anew, whole and with a right checksum, but with something in them changed. */
final class ChangedBlocks {
    private ChangedBlocks() {}

    /** The same header over the rows in another order: row r is the block's row {@code source(r)}. */
    static ByteString withRows(ByteString block, IntUnaryOperator source) {
        TargetBlock decoded = decode(block);
        return ByteString.copyFrom(BlockEncoder.encode(decoded.header(), columns(decoded, source), 0));
    }

    /** The same rows under another header. */
    static ByteString withHeader(ByteString block, UnaryOperator<BlockHeader> change) {
        TargetBlock decoded = decode(block);
        return ByteString.copyFrom(
                BlockEncoder.encode(change.apply(decoded.header()), columns(decoded, row -> row), 0));
    }

    static TargetBlock decode(ByteString block) {
        return BlockDecoder.decode(block.asReadOnlyByteBuffer());
    }

    private static RowColumns columns(TargetBlock block, IntUnaryOperator source) {
        int rows = block.rows();
        int stride = 1;
        for (int row = 0; row < rows; row++) {
            stride = Math.max(stride, block.count(row));
        }
        int temperatures = block.header().selection().temperatures().size();
        boolean drawn = block.header().selection() instanceof Selection.Draws;
        boolean raw = block.header().rawLogits();
        RowColumns columns = new RowColumns(
                stride,
                new int[rows],
                new int[rows * stride],
                new float[rows * stride],
                new float[rows],
                new float[rows],
                new float[rows * temperatures],
                new float[rows * temperatures],
                new int[drawn ? rows * stride : 0],
                new float[raw ? rows * stride : 0],
                new float[raw ? rows : 0]);
        for (int row = 0; row < rows; row++) {
            int own = source.applyAsInt(row);
            int from = block.offsets()[own];
            int count = block.count(own);
            columns.counts()[row] = count;
            System.arraycopy(block.ids(), from, columns.ids(), row * stride, count);
            System.arraycopy(block.logProbabilities(), from, columns.logProbabilities(), row * stride, count);
            columns.logTailMass()[row] = block.logTailMass()[own];
            columns.labelLogProbability()[row] = block.labelLogProbability()[own];
            System.arraycopy(
                    block.temperedLogTails(),
                    own * temperatures,
                    columns.temperedLogTails(),
                    row * temperatures,
                    temperatures);
            System.arraycopy(
                    block.temperatureOffsets(),
                    own * temperatures,
                    columns.temperatureOffsets(),
                    row * temperatures,
                    temperatures);
            if (drawn) {
                System.arraycopy(block.drawCounts(), from, columns.drawCounts(), row * stride, count);
            }
            if (raw) {
                System.arraycopy(block.logits(), from, columns.logits(), row * stride, count);
                columns.logSumExp()[row] = block.logSumExp()[own];
            }
        }
        return columns;
    }
}
