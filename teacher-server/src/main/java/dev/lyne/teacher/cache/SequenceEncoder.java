package dev.lyne.teacher.cache;

import dev.lyne.lm.scoring.SelectedRows;
import dev.lyne.teacher.model.Fingerprints;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.RowColumns;
import dev.lyne.wire.Selection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Cuts a sequence's rows into blocks and encodes them. Safe for several threads. */
public final class SequenceEncoder {
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
        this.fingerprintDigest = Digests.fingerprint(Fingerprints.toMessage(teacher.fingerprint()));
        this.maxBlockBytes = maxBlockBytes;
    }

    /** Most bytes that a row of this selection takes in a block. */
    public static int maxRowBytes(Selection selection, int vocabularySize) {
        int columns = 3; // count, log tail mass, data log-probability
        int range = 8; // of positions, where each row is a range of its own
        return 8 * selection.mostEntries(vocabularySize)
                + 4 * (columns + selection.temperatures().size())
                + range;
    }

    /** Rows that a block of this selection holds at most. */
    int rowsPerBlock(Selection selection) {
        int fitting = (maxBlockBytes - HEADER_ALLOWANCE) / maxRowBytes(selection, teacher.vocabularySize());
        return Math.max(1, Math.min(MAX_ROWS, fitting));
    }

    /**
     * Encodes the rows that answer a task.
     *
     * @throws IllegalStateException where the model gave other positions than were asked for
     */
    EncodedSequence encode(ScoreTask task, SelectedRows rows) {
        int[] positions = task.item().positions();
        if (!Arrays.equals(rows.positions(), positions)) {
            throw new IllegalStateException("the model gave rows for positions " + Arrays.toString(rows.positions())
                    + " (expected: " + Arrays.toString(positions) + ")");
        }
        RowColumns columns = new RowColumns(
                rows.stride(),
                rows.counts(),
                rows.ids(),
                rows.logProbabilities(),
                rows.logTailMass(),
                rows.dataLogProbability(),
                rows.temperatureOffsets());
        int step = rowsPerBlock(task.selection());
        List<EncodedBlock> blocks = new ArrayList<>();
        for (int from = 0; from < positions.length; from += step) {
            int to = Math.min(positions.length, from + step);
            BlockHeader header = new BlockHeader(
                    teacher.vocabularySize(),
                    task.selection(),
                    teacher.modelDigest(),
                    fingerprintDigest,
                    Digests.rows(task.item().tokens(), positions, from, to),
                    Arrays.copyOfRange(positions, from, to));
            blocks.add(new EncodedBlock(positions[from], to - from, BlockEncoder.encode(header, columns, from)));
        }
        return new EncodedSequence(blocks);
    }
}
