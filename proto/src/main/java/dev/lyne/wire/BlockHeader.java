package dev.lyne.wire;

import java.util.Arrays;

/**
 * What a block says of itself.
 *
 * @param vocabularySize ids that the rows' distributions cover, 1 to 2^20
 * @param selection which entries were kept
 * @param teacherDigest SHA-256 of the teacher, 32 bytes
 * @param fingerprintDigest first 16 bytes of SHA-256 of the execution fingerprint
 * @param rowsDigest first 16 bytes of SHA-256 over the tokens and positions that the block answers
 * @param positions position of each row, ascending
 */
@SuppressWarnings("ArrayRecordComponent") // equality is by content, below
public record BlockHeader(
        int vocabularySize,
        Selection selection,
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
        checkLength("teacher digest", teacherDigest, TEACHER_DIGEST_BYTES);
        checkLength("fingerprint digest", fingerprintDigest, Digests.SHORT_BYTES);
        checkLength("rows digest", rowsDigest, Digests.SHORT_BYTES);
        if (positions.length == 0) {
            throw new IllegalArgumentException("positions: 0 (expected: at least 1)");
        }
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
