package dev.lyne.teacher.cache;

/**
 * Rows as a tier keeps them.
 *
 * @param holds what they are
 * @param rows the encoded rows
 */
public record StoredRows(Holdings holds, EncodedSequence rows) {
    /** Bytes of the blocks. */
    public long bytes() {
        return rows.bytes();
    }
}
