package dev.lyne.wire;

/** The prefix codes of a compact block: one for each kind of number, some chosen by what is known before the number is read. */
final class CodeTables {
    /** Rows back to the reference row; 0: none. */
    static final int REFERENCE = 0;

    /** Entries of a row, where rows differ. */
    static final int COUNT = 1;

    /** Depth of a row's least probable entry, as a zigzag difference. */
    static final int FLOOR = 2;

    /** Depth of the tail plus one; 0: no tail. */
    static final int TAIL = 3;

    /** Depth of the data log-probability. */
    static final int DATA = 4;

    /** How often an entry was drawn. */
    static final int DRAWS = 5;

    /** Which of four entries of the reference row are kept again, by how many of the last eight were. */
    static final int KEPT_AGAIN = 6;

    /** Height of an entry that the reference row has, by its height there. */
    static final int HEIGHT_AGAIN = KEPT_AGAIN + 9;

    private static final int HEIGHT_CLASSES = 9;

    /** Height of a new entry, by how many new entries the row has. */
    static final int HEIGHT_NEW = HEIGHT_AGAIN + HEIGHT_CLASSES;

    /** Gap between ids of new entries, by how many new entries the row has and where in the vocabulary the gap starts. */
    static final int GAP = HEIGHT_NEW + 3;

    /** Number of codes. */
    static final int TABLES = GAP + 3 * 4;

    private static final int HEIGHT_TABLE_SIZE = 128;
    private static final byte[] HEIGHT_CLASS = new byte[HEIGHT_TABLE_SIZE];

    static {
        int[] bounds = {2, 4, 7, 11, 16, 24, 40, 80};
        for (int height = 0; height < HEIGHT_TABLE_SIZE; height++) {
            int kind = 0;
            while (kind < bounds.length && height >= bounds[kind]) {
                kind++;
            }
            HEIGHT_CLASS[height] = (byte) kind;
        }
    }

    private CodeTables() {}

    static int heightAgain(int heightInReference) {
        return HEIGHT_AGAIN + HEIGHT_CLASS[Math.min(heightInReference, HEIGHT_TABLE_SIZE - 1)];
    }

    /** 0, 1 or 2: under 12, under 32, or more new entries in the row. */
    static int newClass(int newEntries) {
        return newEntries < 12 ? 0 : newEntries < 32 ? 1 : 2;
    }

    /**
     * Code of a gap. Vocabularies of byte-pair encodings are ordered by frequency, so gaps are narrower where ids are small.
     *
     * @param previous the id that the gap starts at, −1 for the row's first
     * @param vocabularyZeros leading zeros of the vocabulary size as 32 bits
     */
    static int gap(int newClass, int previous, int vocabularyZeros) {
        int octavesDown = Integer.numberOfLeadingZeros(previous + 1) - vocabularyZeros;
        return GAP + 4 * newClass + Math.min(3, octavesDown);
    }
}
