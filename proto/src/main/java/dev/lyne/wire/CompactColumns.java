package dev.lyne.wire;

import java.nio.ByteBuffer;

/** The payload of a compact block: the grid, c_τ, and the rows as a bit stream; and between rows on a grid and decoded ones. */
final class CompactColumns {
    /** Bytes of fineness, largest step, entries of every row and refinement of tails. */
    private static final int PRELUDE_BYTES = 16;

    /** Bytes of the lengths of the first and the third stream. */
    private static final int LENGTH_BYTES = 8;

    private static final ThreadLocal<CompactDecoder.Scratch> SCRATCH =
            ThreadLocal.withInitial(CompactDecoder.Scratch::new);

    private final BlockHeader header;
    private final int labelledRows;

    CompactColumns(BlockHeader header, int labelledRows) {
        this.header = header;
        this.labelledRows = labelledRows;
    }

    /** Header bytes, payload and room for a checksum. */
    byte[] encode(QuantizedRows rows, CompactEncoder encoder, CutWriter cuts, BitWriter out, ByteBuffer head) {
        int fixed = head.limit() + PRELUDE_BYTES + 4 * rows.temperatureOffsets().length;
        out.clear();
        int uniform = uniform(rows);
        ByteBuffer prelude = out.buffer(out.skip(fixed), fixed);
        prelude.put(head);
        prelude.putFloat(rows.grid().fineness()).putFloat(rows.grid().maxStep());
        prelude.putInt(uniform).putInt(rows.refinement());
        for (float offset : rows.temperatureOffsets()) {
            prelude.putFloat(offset);
        }
        int lengths = out.skip(LENGTH_BYTES);
        int firstBytes = encoder.encode(rows, header.vocabularySize(), uniform, out);
        out.fillByte();
        int both = out.size();
        if (header.selection().keepsPrefix()) {
            cuts.write(rows, out);
            out.fillByte();
        }
        out.putInt(lengths, firstBytes);
        out.putInt(lengths + Integer.BYTES, out.size() - both);
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
        Checks.remaining(
                in, PRELUDE_BYTES + 4L * header.rows() * temperatures + LENGTH_BYTES, "grid and temperature offsets");
        float fineness = Checks.bounded("fineness", in.getFloat(), LevelGrid.MIN_FINENESS, LevelGrid.MAX_FINENESS);
        float maxStep = Checks.bounded("largest step", in.getFloat(), LevelGrid.MIN_STEP, LevelGrid.MAX_STEP);
        int uniform = Checks.bounded("entries of every row", in.getInt(), 0, most);
        int refinement = Checks.bounded("refinement of tails", in.getInt(), 0, LevelGrid.MAX_REFINEMENT);
        float[] offsets = new float[header.rows() * temperatures];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = Checks.finite("temperature offset", in.getFloat());
        }
        int streams = in.remaining() - LENGTH_BYTES;
        int firstBytes = Checks.bounded("bytes of the first stream", in.getInt(), 0, streams);
        int thirdBytes = Checks.bounded("bytes of the third stream", in.getInt(), 0, streams - firstBytes);
        boolean cut = header.selection().keepsPrefix();
        if (!cut && thirdBytes > 0) {
            throw new MalformedBlockException(thirdBytes + " bytes of the third stream (expected: none where rows are"
                    + " not of the most probable entries)");
        }
        byte[] bits = new byte[in.remaining() + BitReader.SPARE_BYTES];
        in.get(bits, 0, in.remaining());
        boolean drawn = header.selection().keepsDraws();
        try {
            CodedRows rows = new CompactDecoder(bits, firstBytes, streams - thirdBytes, header, SCRATCH.get())
                    .decode(labelledRows, uniform);
            BitReader third = new BitReader(bits, streams - thirdBytes, streams);
            return new Payload(LevelGrid.forEntries(fineness, maxStep), refinement, offsets, rows, drawn, third);
        } catch (IndexOutOfBoundsException e) {
            throw new MalformedBlockException("rows end in the middle (expected: " + header.rows() + " rows)");
        }
    }

    @SuppressWarnings("ArrayRecordComponent") // a carrier of columns; contents are never compared
    private record Payload(
            LevelGrid grid,
            int refinement,
            float[] temperatureOffsets,
            CodedRows rows,
            boolean drawn,
            BitReader third) {}

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
                payload.refinement(),
                rows.offsets(),
                rows.offsets(),
                ids,
                depths,
                rows.tailDepths(),
                rows.labelDepths(),
                draws,
                payload.temperatureOffsets(),
                rows.temperedDepths(),
                corrections(payload, ids, depths));
    }

    /** Reads the third stream: puts ids in order as far as it tells, and gives the corrections of tails. */
    private long[] corrections(Payload payload, int[] ids, int[] depths) {
        if (!header.selection().keepsPrefix()) {
            return new long[0];
        }
        try {
            return new CutReader(payload.third())
                    .read(
                            payload.rows().offsets(),
                            ids,
                            depths,
                            header.selection().temperatures().size());
        } catch (IndexOutOfBoundsException e) {
            throw new MalformedBlockException("the third stream ends in the middle (expected: all cuts)");
        }
    }

    /** Reads rows as log-probabilities; each row is shifted so that its masses sum to one. */
    TargetBlock read(ByteBuffer in) {
        Payload payload = payload(in);
        CodedRows rows = payload.rows();
        LevelGrid grid = payload.grid();
        LevelGrid tailGrid = grid.forTails(payload.refinement());
        boolean cut = header.selection().keepsPrefix();
        CutReader cuts = new CutReader(payload.third());
        int[] ids = new int[rows.count()];
        float[] logProbabilities = new float[ids.length];
        int[] draws = new int[payload.drawn() ? ids.length : 0];
        float[] tails = new float[header.rows()];
        float[] label = new float[header.rows()];
        RowOrder order = new RowOrder();
        for (int row = 0; row < header.rows(); row++) {
            int from = rows.offsets()[row];
            int to = rows.offsets()[row + 1];
            int tailDepth = rows.tailDepths()[row];
            float tail = tailDepth == QuantizedRows.NOTHING ? Float.NEGATIVE_INFINITY : tailGrid.value(tailDepth);
            double tailMass = tailDepth == QuantizedRows.NOTHING ? 0 : tailGrid.mass(tailDepth);
            float shift =
                    order.values(rows.entries(), from, to, rows.floors()[row], grid, tailMass, ids, logProbabilities);
            if (cut && to - from > 1 && logProbabilities[from] == logProbabilities[from + 1]) {
                putFirst(cuts, ids, logProbabilities, from, to);
            }
            if (payload.drawn()) {
                long[] sorted = order.sort(rows.entries(), from, to);
                for (int i = from; i < to; i++) {
                    draws[i] = CodedRows.draws(sorted[i - from]);
                }
            }
            tails[row] = tail - shift;
            int labelDepth = rows.labelDepths()[row];
            label[row] = labelDepth == QuantizedRows.NOTHING ? Float.NaN : grid.value(labelDepth) - shift;
        }
        return new TargetBlock(
                header,
                rows.offsets(),
                ids,
                logProbabilities,
                tails,
                label,
                payload.temperatureOffsets(),
                temperedTails(payload),
                draws,
                new float[0],
                new float[0]);
    }

    /** The most probable entry of a row, where others share its level. */
    private static void putFirst(CutReader cuts, int[] ids, float[] logProbabilities, int from, int to) {
        int end = from + 2;
        while (end < to && logProbabilities[end] == logProbabilities[from]) {
            end++;
        }
        try {
            cuts.putFirst(ids, from, end - from);
        } catch (IndexOutOfBoundsException e) {
            throw new MalformedBlockException("the third stream ends in the middle (expected: all cuts)");
        }
    }

    private static float[] temperedTails(Payload payload) {
        int[] depths = payload.rows().temperedDepths();
        float[] tails = new float[depths.length];
        LevelGrid grid = LevelGrid.forTemperedTails(payload.refinement());
        for (int i = 0; i < depths.length; i++) {
            tails[i] = depths[i] == QuantizedRows.NOTHING ? Float.NEGATIVE_INFINITY : grid.value(depths[i]);
        }
        return tails;
    }
}
