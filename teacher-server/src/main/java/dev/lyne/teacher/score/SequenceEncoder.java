package dev.lyne.teacher.score;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.BlockNarrowing;
import dev.lyne.wire.Containment;
import dev.lyne.wire.Digests;
import dev.lyne.wire.RowFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Cuts a sequence's rows into blocks and encodes them. Safe for several threads. Open, so that a test can break it. */
public class SequenceEncoder {
    /** Most rows of a block. */
    public static final int MAX_ROWS = 256;

    /** Room for the header beside the rows: fixed part, temperatures, position ranges. */
    private static final int HEADER_ALLOWANCE = 1 << 10;

    private final TeacherDescription teacher;
    private final byte[] fingerprintDigest;
    private final int maxBlockBytes;

    /** @param maxBlockBytes largest block; a block of one row may exceed it */
    public SequenceEncoder(TeacherDescription teacher, int maxBlockBytes) {
        this.teacher = teacher;
        this.fingerprintDigest = Digests.fingerprint(teacher.fingerprint().toMessage());
        this.maxBlockBytes = maxBlockBytes;
    }

    /** Rows that a block of this format holds at most; the same in every precision, so that blocks start at the same positions. */
    int rowsPerBlock(RowFormat format) {
        int fitting = (maxBlockBytes - HEADER_ALLOWANCE) / format.maxRowBytes(teacher.vocabularySize());
        return Math.max(1, Math.min(MAX_ROWS, fitting));
    }

    /**
     * Encodes the rows that the model gave.
     *
     * @param holds what they are to be
     * @throws IllegalStateException where the model gave other positions than were asked for
     */
    StoredRows encode(int[] tokens, CachedSelection holds, ScoreOutcome.Scored scored) {
        if (!Arrays.equals(scored.positions(), holds.positions())) {
            throw new IllegalStateException("the model gave rows for positions " + Arrays.toString(scored.positions())
                    + " (expected: " + Arrays.toString(holds.positions()) + ")");
        }
        RowColumns columns = scored.rows();
        BlockNarrowing.cut(columns, holds.format().selection());
        double keptMass = holds.format().precision() == Precision.EXACT ? Containment.keptMass(columns) : 0;
        return new StoredRows(holds.withKeptMass(keptMass), encode(tokens, holds, columns, fingerprintDigest));
    }

    /**
     * Encodes rows.
     *
     * @param computedBy digest of the execution fingerprint that they were computed with
     */
    EncodedSequence encode(int[] tokens, CachedSelection holds, RowColumns columns, byte[] computedBy) {
        int[] positions = holds.positions();
        RowFormat format = holds.format();
        int step = rowsPerBlock(format);
        List<EncodedBlock> blocks = new ArrayList<>();
        for (int from = 0; from < positions.length; from += step) {
            int to = Math.min(positions.length, from + step);
            BlockHeader header = new BlockHeader(
                    teacher.vocabularySize(),
                    format.selection(),
                    format.precision(),
                    format.rawLogits(),
                    teacher.modelDigest(),
                    computedBy,
                    Digests.rows(tokens, positions, from, to),
                    Arrays.copyOfRange(positions, from, to));
            blocks.add(new EncodedBlock(positions[from], to - from, BlockEncoder.encode(header, columns, from)));
        }
        return new EncodedSequence(blocks);
    }
}
