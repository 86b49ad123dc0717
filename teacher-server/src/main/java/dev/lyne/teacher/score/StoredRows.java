package dev.lyne.teacher.score;

/**
 * Rows as a tier keeps them.
 *
 * @param holds what they are
 * @param rows the encoded rows
 */
public record StoredRows(CachedSelection holds, EncodedSequence rows) {
    /** Bytes of the blocks. */
    public long bytes() {
        return rows.bytes();
    }
}
