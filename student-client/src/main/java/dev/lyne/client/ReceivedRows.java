package dev.lyne.client;

import com.google.protobuf.ByteString;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowSource;
import dev.lyne.wire.TargetBlock;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The checked blocks of one sequence, packed as they came, until all are here and become columns. Owned by one thread at a time. */
final class ReceivedRows {
    private final List<TargetBlock> blocks = new ArrayList<>();
    private final List<ByteBuffer> encoded = new ArrayList<>();
    private final Map<RowSource, Integer> rowsBySource = new HashMap<>();
    private int rows;
    private int narrowedRows;
    private long blockBytes;

    void add(TargetBlock block, ByteString bytes, RowSource source, boolean narrowed) {
        blocks.add(block);
        encoded.add(bytes.asReadOnlyByteBuffer());
        rows += block.rows();
        blockBytes += bytes.size();
        rowsBySource.merge(source, block.rows(), Integer::sum);
        narrowedRows += narrowed ? block.rows() : 0;
    }

    /** Rows added. */
    int rows() {
        return rows;
    }

    /** Bytes of the blocks added. */
    long blockBytes() {
        return blockBytes;
    }

    /** All of them, as the targets of the sequence, which has as many positions. */
    Targets toTargets(TargetSequence sequence, List<Float> temperatures) {
        int stride = stride();
        boolean drawn = blocks.stream().anyMatch(block -> block.drawCounts().length > 0);
        boolean raw = blocks.stream().anyMatch(block -> block.header().rawLogits());
        RowColumns columns = new RowColumns(
                stride,
                new int[rows],
                new int[Math.multiplyExact(rows, stride)],
                absent(rows * stride),
                new float[rows],
                new float[rows],
                new float[rows * temperatures.size()],
                new float[rows * temperatures.size()],
                new int[drawn ? rows * stride : 0],
                absent(raw ? rows * stride : 0),
                new float[raw ? rows : 0]);
        int row = 0;
        for (TargetBlock block : blocks) {
            copy(block, columns, row, temperatures.size());
            row += block.rows();
        }
        return new Targets(
                sequence,
                columns,
                temperatures,
                Collections.unmodifiableMap(rowsBySource),
                narrowedRows,
                List.copyOf(encoded),
                blockBytes);
    }

    private int stride() {
        int most = 1;
        for (TargetBlock block : blocks) {
            for (int row = 0; row < block.rows(); row++) {
                most = Math.max(most, block.count(row));
            }
        }
        return most;
    }

    private static float[] absent(int length) {
        float[] values = new float[length];
        Arrays.fill(values, Float.NEGATIVE_INFINITY);
        return values;
    }

    private static void copy(TargetBlock block, RowColumns columns, int first, int temperatures) {
        for (int row = 0; row < block.rows(); row++) {
            int from = block.offsets()[row];
            int to = (first + row) * columns.stride();
            int count = block.count(row);
            columns.counts()[first + row] = count;
            System.arraycopy(block.ids(), from, columns.ids(), to, count);
            System.arraycopy(block.logProbabilities(), from, columns.logProbabilities(), to, count);
            if (block.drawCounts().length > 0) {
                System.arraycopy(block.drawCounts(), from, columns.drawCounts(), to, count);
            }
            if (block.header().rawLogits()) {
                System.arraycopy(block.logits(), from, columns.logits(), to, count);
                columns.logSumExp()[first + row] = block.logSumExp()[row];
            }
        }
        System.arraycopy(block.logTailMass(), 0, columns.logTailMass(), first, block.rows());
        System.arraycopy(block.labelLogProbability(), 0, columns.labelLogProbability(), first, block.rows());
        System.arraycopy(
                block.temperatureOffsets(),
                0,
                columns.temperatureOffsets(),
                first * temperatures,
                block.rows() * temperatures);
        System.arraycopy(
                block.temperedLogTails(),
                0,
                columns.temperedLogTails(),
                first * temperatures,
                block.rows() * temperatures);
    }
}
