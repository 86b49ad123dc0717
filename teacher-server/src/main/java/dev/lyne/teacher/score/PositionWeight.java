package dev.lyne.teacher.score;

import dev.lyne.wire.RowFormat;

/** Number that each position of a sequence counts in its tenant's quota. Safe for several threads. */
public interface PositionWeight {
    /** One, whatever is asked. */
    PositionWeight ONE = (tokens, format) -> 1;

    /**
     * At least 1.
     *
     * @param tokens of the sequence
     * @param format what is asked of it
     */
    double of(int tokens, RowFormat format);
}
