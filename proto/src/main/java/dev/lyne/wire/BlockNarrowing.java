package dev.lyne.wire;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Cuts a stored block down to a request that it contains: fewer entries a row, fewer rows, fewer temperatures. What a row loses goes
 * to its tail: the new tail is logaddexp(tail, what was dropped). Exact rows come out equal to fresh ones, up to the last bits of the
 * tail. Compact rows keep their levels, and meet the bounds of the precision against exact rows at the narrowed k; they differ from
 * fresh rows only among entries that the precision cannot tell apart.
 */
public final class BlockNarrowing {
    private BlockNarrowing() {}

    /**
     * The rows of a block that answer a request.
     *
     * @param block bytes of a block; its position does not move
     * @param selection what is wanted, which the block's selection {@linkplain Containment#contains contains}
     * @param positions wanted positions, ascending, all in the block
     * @param rowsDigest {@link Digests#rows} of the sequence's tokens and the wanted positions
     * @throws IllegalArgumentException where the block does not contain the request
     */
    public static byte[] narrow(ByteBuffer block, Selection selection, int[] positions, byte[] rowsDigest) {
        TargetBlock decoded = BlockDecoder.decode(block);
        BlockHeader held = decoded.header();
        if (!Containment.contains(held.selection(), selection, held.vocabularySize(), Containment.keptMass(decoded))
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
                ? BlockEncoder.encode(header, onGrid(BlockDecoder.levels(block), decoded, header, rows, counts))
                : BlockEncoder.encode(header, columns(List.of(decoded), selection, held.rawLogits(), positions), 0);
    }

    /**
     * The rows of a sequence's blocks that answer a request, to be encoded in any precision. Of exact blocks they are what fresh rows
     * would be, up to the last bits of tails that entries were added to.
     *
     * @param blocks decoded, in order of position, whose selection {@linkplain Containment#contains contains} the wanted one
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
        boolean drawn = selection instanceof Selection.Draws;
        RowColumns columns = empty(counts, selection.temperatures().size(), drawn, rawLogits);
        for (int i = 0; i < positions.length; i++) {
            copy(block[i], rows[i], columns, i);
            putOffsets(block[i], rows[i], selection.temperatures(), columns.temperatureOffsets(), i);
        }
        return columns;
    }

    private static int last(TargetBlock block) {
        return block.header().positions()[block.rows() - 1];
    }

    /** Entries of a row that a selection keeps, whose rule is at most as wide as the block's. */
    private static int kept(TargetBlock block, int row, Selection selection) {
        int count = block.count(row);
        if (selection instanceof Selection.Draws || selection instanceof Selection.Chosen) {
            return count;
        }
        int most = Math.min(count, selection.mostEntries(block.header().vocabularySize()));
        boolean shorter = selection instanceof Selection.TopPK rule
                && !(block.header().selection() instanceof Selection.TopPK held && held.p() == rule.p());
        return shorter ? Containment.prefix(block, row, ((Selection.TopPK) selection).p(), most) : most;
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
        columns.logTailMass()[to] = tail(block, row, count);
        columns.dataLogProbability()[to] = block.dataLogProbability()[row];
    }

    private static float tail(TargetBlock block, int row, int count) {
        float tail = block.logTailMass()[row];
        if (count == block.count(row)) {
            return tail;
        }
        if (count == 0) {
            return 0;
        }
        double mass = Math.exp(tail);
        for (int i = block.offsets()[row] + count; i < block.offsets()[row + 1]; i++) {
            mass += Math.exp(block.logProbabilities()[i]);
        }
        return (float) Math.log(mass);
    }

    /** Offsets of the wanted temperatures of one row, as row {@code to} of the answer. */
    private static void putOffsets(TargetBlock block, int row, List<Float> wanted, float[] offsets, int to) {
        List<Float> held = block.header().selection().temperatures();
        for (int j = 0; j < wanted.size(); j++) {
            offsets[to * wanted.size() + j] =
                    block.temperatureOffsets()[row * held.size() + held.indexOf(wanted.get(j))];
        }
    }

    /** Levels as they are, tails rounded once more: their own grid is fine enough for two roundings to stay within 0.05 nats. */
    private static QuantizedRows onGrid(
            QuantizedRows held, TargetBlock decoded, BlockHeader header, int[] rows, int[] counts) {
        int[] offsets = new int[rows.length + 1];
        for (int i = 0; i < rows.length; i++) {
            offsets[i + 1] = offsets[i] + counts[i];
        }
        int[] ids = new int[offsets[rows.length]];
        int[] depths = new int[ids.length];
        int[] draws = new int[held.drawCounts().length > 0 ? ids.length : 0];
        int[] tails = new int[rows.length];
        int[] data = new int[rows.length];
        List<Float> temperatures = header.selection().temperatures();
        float[] temperatureOffsets = new float[rows.length * temperatures.size()];
        for (int i = 0; i < rows.length; i++) {
            int row = rows[i];
            putOffsets(decoded, row, temperatures, temperatureOffsets, i);
            int from = held.offsets()[row];
            System.arraycopy(held.ids(), from, ids, offsets[i], counts[i]);
            System.arraycopy(held.depths(), from, depths, offsets[i], counts[i]);
            if (draws.length > 0) {
                System.arraycopy(held.drawCounts(), from, draws, offsets[i], counts[i]);
            }
            boolean whole = counts[i] == decoded.count(row);
            tails[i] = whole ? held.tailDepths()[row] : held.tailGrid().depth(unshifted(held, row, counts[i]));
            data[i] = held.dataDepths()[row];
        }
        return new QuantizedRows(
                held.grid(), held.tailGrid(), offsets, offsets, ids, depths, tails, data, draws, temperatureOffsets);
    }

    /** Log of the mass that leaves a row, on the scale of its levels: before a decoder makes masses sum to one. */
    private static float unshifted(QuantizedRows held, int row, int count) {
        int tailDepth = held.tailDepths()[row];
        double mass = tailDepth == QuantizedRows.NOTHING
                ? 0
                : Math.exp(held.tailGrid().value(tailDepth));
        for (int i = held.offsets()[row] + count; i < held.offsets()[row + 1]; i++) {
            mass += held.grid().mass(held.depths()[i]);
        }
        return (float) Math.min(LevelGrid.MAX_LOG_PROBABILITY, Math.log(mass));
    }
}
