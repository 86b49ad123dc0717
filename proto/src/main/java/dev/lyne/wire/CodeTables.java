package dev.lyne.wire;

/** The prefix codes of a compact block, and the parameters of what it writes without a table. */
final class CodeTables {
    /** Entries of a row, where rows differ. */
    static final int COUNT = 0;

    /** Depth of a row's least probable entry, as a zigzag difference. */
    static final int FLOOR = 1;

    /** Depth of the tail plus one; 0: no tail. */
    static final int TAIL = 2;

    /** Depth of the label log-probability. */
    static final int LABEL = 3;

    /** How often an entry was drawn. */
    static final int DRAWS = 4;

    /** Height of an entry. */
    static final int HEIGHT = 5;

    /** Depth of a tail at a temperature, plus one; 0: no tail. */
    static final int TEMPERED = 6;

    /** Number of codes. */
    static final int TABLES = TEMPERED + 1;

    /** Zeros that stand for a gap in {@link #ESCAPED_BITS} bits. */
    static final int ESCAPE = 24;

    /** Bits of a gap between rows that is written as it is: there are 2^16 rows at most. */
    static final int ESCAPED_BITS = 16;

    private CodeTables() {}

    /** Bits of a gap between rows that stand after its unary part (Rice, 1979), by how many of the rows have the id: `[rows + 1]`. */
    static byte[] riceBits(int rows) {
        byte[] bits = new byte[rows + 1];
        for (int rowsWithId = 1; rowsWithId <= rows; rowsWithId++) {
            int share = (int) (13L * rows / (16L * rowsWithId));
            bits[rowsWithId] = (byte) Math.max(0, 31 - Integer.numberOfLeadingZeros(share));
        }
        return bits;
    }
}
