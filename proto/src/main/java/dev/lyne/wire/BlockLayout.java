package dev.lyne.wire;

/** Constants of version 2 of the block layout, which docs/wire-format.md specifies. */
final class BlockLayout {
    /** "LYNB" as a little-endian integer. */
    static final int MAGIC = 0x424e594c;

    static final byte VERSION = 2;

    /** Flag: the last row has no log-probability of a label. */
    static final byte FLAG_LAST_ROW_WITHOUT_LABEL = 1;

    /** Flag: rows carry raw logits and log-sum-exp. */
    static final byte FLAG_RAW_LOGITS = 2;

    /** Bytes from the magic to the number of position ranges, inclusive. */
    static final int FIXED_HEADER_BYTES = 4 + 4 + 4 + 4 + 8 + 4 + 32 + 16 + 16 + 4 + 4 + 4;

    static final int RANGE_BYTES = 8;
    static final int CHECKSUM_BYTES = 4;

    /** Most rows of a block. */
    static final int MAX_ROWS = 1 << 16;

    /** Most temperatures of a selection. */
    static final int MAX_TEMPERATURES = 64;

    /** Largest block, in bytes: bits are counted in 31-bit integers. */
    static final int MAX_BLOCK_BYTES = 1 << 27;

    private BlockLayout() {}
}
