package dev.lyne.wire;

import java.nio.ByteBuffer;

/** The payload of a compact block: the grid, c_τ, and the rows as a bit stream; and between rows on a grid and decoded ones. */
final class CompactColumns {
    /** Bytes of fineness, largest step and entries of every row. */
    private static final int PRELUDE_BYTES = 12;

    private static final ThreadLocal<CompactDecoder.Scratch> SCRATCH =
            ThreadLocal.withInitial(CompactDecoder.Scratch::new);

    private final BlockHeader header;
    private final int dataRows;

    CompactColumns(BlockHeader header, int dataRows) {
        this.header = header;
        this.dataRows = dataRows;
    }

    /** Header bytes, payload and room for a checksum. */
    byte[] encode(QuantizedRows rows, CompactEncoder encoder, BitWriter out, ByteBuffer head) {
        int fixed = head.limit() + PRELUDE_BYTES + 4 * rows.temperatureOffsets().length;
        out.clear();
        int uniform = uniform(rows);
        ByteBuffer prelude = out.buffer(out.skip(fixed), fixed);
        prelude.put(head);
        prelude.putFloat(rows.grid().fineness()).putFloat(rows.grid().maxStep()).putInt(uniform);
        for (float offset : rows.temperatureOffsets()) {
            prelude.putFloat(offset);
        }
        encoder.encode(rows, header.vocabularySize(), uniform, out);
        return out.finish(BlockLayout.CHECKSUM_BYTES);
    }

    private static int uniform(QuantizedRows rows) {
        int count = rows.offsets()[1];
        for (int row = 1; row < rows.rows(); row++) {
            if (rows.offsets()[row + 1] - rows.offsets()[row] != count) {
                return 0;
            }
        }
        return count;
    }

    /** Reads rows as they are coded; the buffer holds the payload and nothing else. */
    private Payload payload(ByteBuffer in) {
        int most = header.selection().mostEntries(header.vocabularySize());
        int temperatures = header.selection().temperatures().size();
        Checks.remaining(in, PRELUDE_BYTES + 4L * header.rows() * temperatures + 4, "grid and temperature offsets");
        float fineness = Checks.bounded("fineness", in.getFloat(), LevelGrid.MIN_FINENESS, LevelGrid.MAX_FINENESS);
        float maxStep = Checks.bounded("largest step", in.getFloat(), LevelGrid.MIN_STEP, LevelGrid.MAX_STEP);
        int uniform = Checks.bounded("entries of every row", in.getInt(), 0, most);
        float[] offsets = new float[header.rows() * temperatures];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = Checks.number("temperature offset", in.getFloat());
        }
        int firstBytes = Checks.bounded("bytes of the first stream", in.getInt(), 0, in.remaining() - 4);
        byte[] bits = new byte[in.remaining() + BitReader.SPARE_BYTES];
        in.get(bits, 0, in.remaining());
        boolean drawn = header.selection() instanceof Selection.Draws;
        try {
            CodedRows rows = new CompactDecoder(
                            bits, firstBytes, header.vocabularySize(), most, drawn, header.rows(), SCRATCH.get())
                    .decode(dataRows, uniform);
            return new Payload(LevelGrid.forEntries(fineness, maxStep), offsets, rows, drawn);
        } catch (IndexOutOfBoundsException e) {
            throw new MalformedBlockException("rows end in the middle (expected: " + header.rows() + " rows)");
        }
    }

    @SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
    private record Payload(LevelGrid grid, float[] temperatureOffsets, CodedRows rows, boolean drawn) {}

    /** Reads rows as levels of their grid. */
    QuantizedRows levels(ByteBuffer in) {
        Payload payload = payload(in);
        CodedRows rows = payload.rows();
        int[] ids = new int[rows.count()];
        int[] depths = new int[ids.length];
        int[] draws = new int[payload.drawn() ? ids.length : 0];
        RowOrder order = new RowOrder();
        for (int row = 0; row < header.rows(); row++) {
            int from = rows.offsets()[row];
            int to = rows.offsets()[row + 1];
            long[] sorted = order.sort(rows.entries(), from, to);
            if (from < to) {
                RowOrder.requireBelowTop(CodedRows.height(sorted[0]), rows.floors()[row]);
            }
            for (int i = from; i < to; i++) {
                long entry = sorted[i - from];
                ids[i] = CodedRows.id(entry);
                depths[i] = rows.floors()[row] - CodedRows.height(entry);
                if (draws.length > 0) {
                    draws[i] = CodedRows.draws(entry);
                }
            }
        }
        return new QuantizedRows(
                payload.grid(),
                payload.grid().forTails(),
                rows.offsets(),
                rows.offsets(),
                ids,
                depths,
                rows.tailDepths(),
                rows.dataDepths(),
                draws,
                payload.temperatureOffsets());
    }

    /** Reads rows as log-probabilities; each row is shifted so that its masses sum to one. */
    TargetBlock read(ByteBuffer in) {
        Payload payload = payload(in);
        CodedRows rows = payload.rows();
        LevelGrid grid = payload.grid();
        LevelGrid tailGrid = grid.forTails();
        int[] ids = new int[rows.count()];
        float[] logProbabilities = new float[ids.length];
        int[] draws = new int[payload.drawn() ? ids.length : 0];
        float[] tails = new float[header.rows()];
        float[] data = new float[header.rows()];
        RowOrder order = new RowOrder();
        for (int row = 0; row < header.rows(); row++) {
            int from = rows.offsets()[row];
            int to = rows.offsets()[row + 1];
            int tailDepth = rows.tailDepths()[row];
            float tail = tailDepth == QuantizedRows.NOTHING ? Float.NEGATIVE_INFINITY : tailGrid.value(tailDepth);
            double tailMass = tailDepth == QuantizedRows.NOTHING ? 0 : tailGrid.mass(tailDepth);
            float shift =
                    order.values(rows.entries(), from, to, rows.floors()[row], grid, tailMass, ids, logProbabilities);
            if (payload.drawn()) {
                long[] sorted = order.sort(rows.entries(), from, to);
                for (int i = from; i < to; i++) {
                    draws[i] = CodedRows.draws(sorted[i - from]);
                }
            }
            tails[row] = tail - shift;
            int dataDepth = rows.dataDepths()[row];
            data[row] = dataDepth == QuantizedRows.NOTHING ? Float.NaN : grid.value(dataDepth) - shift;
        }
        return new TargetBlock(
                header,
                rows.offsets(),
                ids,
                logProbabilities,
                tails,
                data,
                payload.temperatureOffsets(),
                draws,
                new float[0],
                new float[0]);
    }
}
