package dev.lyne.lm.training;

/** Values that accompany the rows of a training batch, `[rows, width]`, or `[rows]` where width is 1. */
@SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
public sealed interface Column {
    /** Values a row. */
    int width();

    /** Single-precision values. */
    record Floats(float[] values, int width) implements Column {}

    /** Integers, such as token ids. */
    record Longs(long[] values, int width) implements Column {}
}
