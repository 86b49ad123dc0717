package dev.lyne.wire;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Cuts a stored block down to a request that it {@linkplain Containment#answers answers}: fewer entries a row, fewer rows, fewer
 * temperatures. A row keeps exactly the ids of a fresh one. What it loses goes to its tails, at temperature 1 and at the others: the new
 * tail is logaddexp(tail, what was dropped). Exact rows come out equal to fresh ones, up to the last bits of their tails. Compact rows
 * keep their levels, and meet the bounds of the precision against exact rows at the narrowed k.
 */
public final class BlockNarrowing {
    private BlockNarrowing() {}

    /**
     * The rows of a block that answer a request.
     *
     * @param block bytes of a block; its position does not move
     * @param selection what is wanted, which the block {@linkplain Containment#answers answers}
     * @param positions wanted positions, ascending, all in the block
     * @param rowsDigest {@link Digests#rows} of the sequence's tokens and the wanted positions
     * @throws IllegalArgumentException where the block does not contain the request
     */
    public static byte[] narrow(ByteBuffer block, Selection selection, int[] positions, byte[] rowsDigest) {
        TargetBlock decoded = BlockDecoder.decode(block);
        BlockHeader held = decoded.header();
        if (!Containment.answers(
                        held.selection(),
                        selection,
                        held.precision(),
                        held.vocabularySize(),
                        Containment.keptMass(decoded))
                || !Containment.containsPositions(held.positions(), positions)) {
            throw new IllegalArgumentException("selection " + selection + " at " + positions.length
                    + " positions (expected: one that " + held.selection() + " at " + held.rows()
                    + " positions contains)");
        }
        int[] rows = new int[positions.length];
        int[] counts = new int[positions.length];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Arrays.binarySearch(held.positions(), positions[i]);
            counts[i] = kept(decoded, rows[i], selection);
        }
        BlockHeader header = new BlockHeader(
                held.vocabularySize(),
                selection,
                held.precision(),
                held.rawLogits(),
                held.teacherDigest(),
                held.fingerprintDigest(),
                rowsDigest,
                positions);
        return held.precision() == Precision.COMPACT
                ? BlockEncoder.encode(
                        header, LevelNarrowing.narrow(BlockDecoder.levels(block), held, selection, rows, counts))
                : BlockEncoder.encode(header, columns(List.of(decoded), selection, held.rawLogits(), positions), 0);
    }

    /**
     * The rows of a sequence's blocks that answer a request, to be encoded in any precision. Of exact blocks they are what fresh rows
     * would be, up to the last bits of tails that entries were added to.
     *
     * @param blocks decoded, in order of position, whose selection {@linkplain Selection#contains contains} the wanted one
     * @param rawLogits whether logits are wanted, which the blocks then have
     * @param positions wanted positions, ascending
     * @throws IllegalArgumentException where no block has a position
     */
    public static RowColumns columns(
            List<TargetBlock> blocks, Selection selection, boolean rawLogits, int[] positions) {
        TargetBlock[] block = new TargetBlock[positions.length];
        int[] rows = new int[positions.length];
        int[] counts = new int[positions.length];
        int at = 0;
        for (int i = 0; i < positions.length; i++) {
            while (at < blocks.size() - 1 && last(blocks.get(at)) < positions[i]) {
                at++;
            }
            block[i] = blocks.get(at);
            rows[i] = Arrays.binarySearch(block[i].header().positions(), positions[i]);
            if (rows[i] < 0) {
                throw new IllegalArgumentException("position " + positions[i] + " (expected: one that is held)");
            }
            counts[i] = kept(block[i], rows[i], selection);
        }
        boolean drawn = selection.keepsDraws();
        RowColumns columns = empty(counts, selection.temperatures().size(), drawn, rawLogits);
        for (int i = 0; i < positions.length; i++) {
            copy(block[i], rows[i], columns, i);
            putTempered(block[i], rows[i], selection.temperatures(), columns, i);
        }
        return columns;
    }

    /**
     * Cuts rows that are yet to be encoded, in place, where how many entries reach p is to be decided: here, for fresh rows as for
     * stored ones. What is dropped goes to the tails.
     *
     * @param columns rows of the selection that is {@linkplain Selection#computed computed} for the wanted one
     */
    public static RowColumns cut(RowColumns columns, Selection selection) {
        Selection computed = selection.computed();
        if (computed.equals(selection)) {
            return columns;
        }
        float[] values = columns.logProbabilities();
        int temperatures = selection.temperatures().size();
        for (int row = 0; row < columns.counts().length; row++) {
            int from = row * columns.stride();
            int end = from + columns.counts()[row];
            int count =
                    selection.narrowed(computed, values, from, columns.counts()[row], Selection.MAX_VOCABULARY_SIZE);
            columns.counts()[row] = count;
            columns.logTailMass()[row] = tail(columns.logTailMass()[row], values, from + count, end, 1, 0);
            for (int i = 0; i < temperatures; i++) {
                int at = row * temperatures + i;
                float offset = columns.temperatureOffsets()[at];
                float temperature = selection.temperatures().get(i);
                columns.temperedLogTails()[at] =
                        tail(columns.temperedLogTails()[at], values, from + count, end, temperature, offset);
            }
        }
        return columns;
    }

    private static int last(TargetBlock block) {
        return block.header().positions()[block.rows() - 1];
    }

    /** Entries of a row that a selection keeps, whose rule is at most as wide as the block's. */
    private static int kept(TargetBlock block, int row, Selection selection) {
        BlockHeader header = block.header();
        return selection.narrowed(
                header.selection(),
                block.logProbabilities(),
                block.offsets()[row],
                block.count(row),
                header.vocabularySize());
    }

    private static RowColumns empty(int[] counts, int temperatures, boolean drawn, boolean rawLogits) {
        int rows = counts.length;
        int stride = Math.max(1, Arrays.stream(counts).max().orElse(1));
        return new RowColumns(
                stride,
                counts,
                new int[rows * stride],
                new float[rows * stride],
                new float[rows],
                new float[rows],
                new float[rows * temperatures],
                new float[rows * temperatures],
                new int[drawn ? rows * stride : 0],
                new float[rawLogits ? rows * stride : 0],
                new float[rawLogits ? rows : 0]);
    }

    private static void copy(TargetBlock block, int row, RowColumns columns, int to) {
        int from = block.offsets()[row];
        int start = to * columns.stride();
        int count = columns.counts()[to];
        System.arraycopy(block.ids(), from, columns.ids(), start, count);
        System.arraycopy(block.logProbabilities(), from, columns.logProbabilities(), start, count);
        if (columns.drawCounts().length > 0) {
            System.arraycopy(block.drawCounts(), from, columns.drawCounts(), start, count);
        }
        if (columns.logSumExp().length > 0) {
            System.arraycopy(block.logits(), from, columns.logits(), start, count);
            columns.logSumExp()[to] = block.logSumExp()[row];
        }
        columns.logTailMass()[to] = count == 0
                ? 0
                : tail(
                        block.logTailMass()[row],
                        block.logProbabilities(),
                        from + count,
                        block.offsets()[row + 1],
                        1,
                        0);
        columns.labelLogProbability()[to] = block.labelLogProbability()[row];
    }

    /** Log of the mass of a tail and of dropped entries {@code [from, to)}, at a temperature whose offset is {@code offset}. */
    private static float tail(
            float tail, float[] logProbabilities, int from, int to, double temperature, double offset) {
        if (from == to) {
            return tail;
        }
        LogSum sum = new LogSum(tail);
        for (int i = to - 1; i >= from; i--) {
            sum.add(logProbabilities[i] / temperature + offset);
        }
        return (float) Math.min(LevelGrid.MAX_LOG_PROBABILITY, sum.log());
    }

    /** Offsets and tails of the wanted temperatures of one row, as row {@code to} of the answer. */
    private static void putTempered(TargetBlock block, int row, List<Float> wanted, RowColumns columns, int to) {
        List<Float> held = block.header().selection().temperatures();
        int kept = columns.counts()[to];
        for (int j = 0; j < wanted.size(); j++) {
            int from = row * held.size() + held.indexOf(wanted.get(j));
            float offset = block.temperatureOffsets()[from];
            columns.temperatureOffsets()[to * wanted.size() + j] = offset;
            columns.temperedLogTails()[to * wanted.size() + j] = kept == 0
                    ? 0
                    : tail(
                            block.temperedLogTails()[from],
                            block.logProbabilities(),
                            block.offsets()[row] + kept,
                            block.offsets()[row + 1],
                            wanted.get(j),
                            offset);
        }
    }
}
