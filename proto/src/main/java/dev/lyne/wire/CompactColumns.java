package dev.lyne.wire;

import java.nio.ByteBuffer;

/** The payload of a compact block: the grid, c_τ, and the rows as a bit stream; and between rows on a grid and decoded ones. */
final class CompactColumns {
    /** Bytes of fineness, largest step and entries of every row. */
    private static final int PRELUDE_BYTES = 12;

    private final BlockHeader header;
    private final int dataRows;

    CompactColumns(BlockHeader header, int dataRows) {
        this.header = header;
        this.dataRows = dataRows;
    }

    /** Header bytes, payload and room for a checksum. */
    byte[] encode(QuantizedRows rows, CompactEncoder encoder, ByteBuffer head) {
        int fixed = head.limit() + PRELUDE_BYTES + 4 * rows.temperatureOffsets().length;
        BitWriter out = new BitWriter(fixed + 2 * rows.ids().length);
        out.ensure(fixed);
        int uniform = uniform(rows);
        ByteBuffer prelude = out.skip(fixed);
        prelude.put(head);
        prelude.putFloat(rows.grid().fineness()).putFloat(rows.grid().maxStep()).putInt(uniform);
        for (float offset : rows.temperatureOffsets()) {
            prelude.putFloat(offset);
        }
        encoder.encode(rows, header.vocabularySize(), uniform, out);
        out.ensure(BlockLayout.CHECKSUM_BYTES);
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

    /** Reads the payload; the buffer holds it and nothing else. */
    QuantizedRows read(ByteBuffer in) {
        int most = header.selection().mostEntries(header.vocabularySize());
        int temperatures = header.selection().temperatures().size();
        Checks.remaining(in, PRELUDE_BYTES + 4L * header.rows() * temperatures, "grid and temperature offsets");
        float fineness = Checks.bounded("fineness", in.getFloat(), LevelGrid.MIN_FINENESS, LevelGrid.MAX_FINENESS);
        float maxStep = Checks.bounded("largest step", in.getFloat(), LevelGrid.MIN_STEP, LevelGrid.MAX_STEP);
        int uniform = Checks.bounded("entries of every row", in.getInt(), 0, most);
        float[] offsets = new float[header.rows() * temperatures];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = Checks.number("temperature offset", in.getFloat());
        }
        byte[] bits = new byte[in.remaining() + BitReader.SPARE_BYTES];
        in.get(bits, 0, in.remaining());
        try {
            return new CompactDecoder(
                            new BitReader(bits, 0),
                            header.vocabularySize(),
                            most,
                            header.selection() instanceof Selection.Draws,
                            header.rows())
                    .decode(LevelGrid.forEntries(fineness, maxStep), dataRows, uniform, offsets);
        } catch (IndexOutOfBoundsException e) {
            throw new MalformedBlockException("rows end in the middle (expected: " + header.rows() + " rows)");
        }
    }

    /** Log-probabilities of rows on a grid; each row is shifted so that its masses sum to one. */
    TargetBlock dequantize(QuantizedRows rows) {
        LevelGrid grid = rows.grid();
        int[] offsets = rows.offsets();
        int[] depths = rows.depths();
        float[] logProbabilities = new float[depths.length];
        float[] tails = new float[rows.rows()];
        float[] data = new float[rows.rows()];
        for (int row = 0; row < rows.rows(); row++) {
            float mass = 0;
            for (int i = offsets[row]; i < offsets[row + 1]; i++) {
                mass += grid.mass(depths[i]);
            }
            int tailDepth = rows.tailDepths()[row];
            float tail = tailDepth == QuantizedRows.NOTHING
                    ? Float.NEGATIVE_INFINITY
                    : rows.tailGrid().value(tailDepth);
            float shift = (float) Math.log(mass + Math.exp(tail));
            for (int i = offsets[row]; i < offsets[row + 1]; i++) {
                logProbabilities[i] = grid.value(depths[i]) - shift;
            }
            tails[row] = tail - shift;
            int dataDepth = rows.dataDepths()[row];
            data[row] = dataDepth == QuantizedRows.NOTHING ? Float.NaN : grid.value(dataDepth) - shift;
        }
        return new TargetBlock(
                header,
                offsets,
                rows.ids(),
                logProbabilities,
                tails,
                data,
                rows.temperatureOffsets(),
                rows.drawCounts(),
                new float[0],
                new float[0]);
    }
}
