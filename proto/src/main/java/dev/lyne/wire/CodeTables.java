package dev.lyne.wire;

/** The prefix codes of a compact block, each with a table of its own. */
final class CodeTables {
    /** Entries of a row, where rows differ. */
    static final int COUNT = 0;

    /** Depth of a row's least probable entry, as a zigzag difference. */
    static final int FLOOR = 1;

    /** Depth of the tail plus one; 0: no tail. */
    static final int TAIL = 2;

    /** Depth of the label log-probability. */
    static final int LABEL = 3;

    /** Table of how often an entry was drawn. */
    static final int DRAWS = 4;

    /** Height of an entry. */
    static final int HEIGHT = 5;

    /** Depth of a tail at a temperature, plus one; 0: no tail. */
    static final int TEMPERED = 6;

    /** Number of codes. */
    static final int TABLES = TEMPERED + 1;

    private CodeTables() {}
}
