package dev.lyne.wire;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import java.util.Arrays;

/**
 * Header of a target block: what it says of itself.
 *
 * @param vocabularySize ids that the rows' distributions cover, 1 to 2^20
 * @param selection which entries are kept
 * @param precision how log-probabilities are coded
 * @param rawLogits whether rows also carry the kept entries' logits and the log-sum-exp; not in compact precision
 * @param teacherDigest SHA-256 of the teacher, 32 bytes
 * @param fingerprintDigest {@link Digests#fingerprint}, 16 bytes
 * @param rowsDigest {@link Digests#rows} of the tokens and this block's positions, 16 bytes
 * @param positions position of each row, ascending
 */
@SuppressWarnings("ArrayRecordComponent") // compared by content, below
public record BlockHeader(
        int vocabularySize,
        Selection selection,
        Precision precision,
        boolean rawLogits,
        byte[] teacherDigest,
        byte[] fingerprintDigest,
        byte[] rowsDigest,
        int[] positions) {
    /** Length of a teacher digest, in bytes. */
    public static final int TEACHER_DIGEST_BYTES = 32;

    public BlockHeader {
        if (vocabularySize < 1 || vocabularySize > Selection.MAX_VOCABULARY_SIZE) {
            throw new IllegalArgumentException(
                    "vocabulary_size: " + vocabularySize + " (expected: 1.." + Selection.MAX_VOCABULARY_SIZE + ")");
        }
        selection.checkFits(vocabularySize);
        if (rawLogits && precision == Precision.COMPACT) {
            throw new IllegalArgumentException("raw logits in compact precision (expected: exact or half)");
        }
        checkLength("teacher digest", teacherDigest, TEACHER_DIGEST_BYTES);
        checkLength("fingerprint digest", fingerprintDigest, Digests.SHORT_BYTES);
        checkLength("rows digest", rowsDigest, Digests.SHORT_BYTES);
        if (positions.length == 0) {
            throw new IllegalArgumentException("positions: 0 (expected: at least 1)");
        }
    }

    /** The header of a block of exact log-probabilities. */
    public BlockHeader(
            int vocabularySize,
            Selection selection,
            byte[] teacherDigest,
            byte[] fingerprintDigest,
            byte[] rowsDigest,
            int[] positions) {
        this(
                vocabularySize,
                selection,
                Precision.EXACT,
                false,
                teacherDigest,
                fingerprintDigest,
                rowsDigest,
                positions);
    }

    /** Number of rows. */
    public int rows() {
        return positions.length;
    }

    private static void checkLength(String name, byte[] digest, int expected) {
        if (digest.length != expected) {
            throw new IllegalArgumentException(name + ": " + digest.length + " bytes (expected: " + expected + ")");
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof BlockHeader that
                && vocabularySize == that.vocabularySize
                && selection.equals(that.selection)
                && precision == that.precision
                && rawLogits == that.rawLogits
                && Arrays.equals(teacherDigest, that.teacherDigest)
                && Arrays.equals(fingerprintDigest, that.fingerprintDigest)
                && Arrays.equals(rowsDigest, that.rowsDigest)
                && Arrays.equals(positions, that.positions);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(rowsDigest);
    }
}
