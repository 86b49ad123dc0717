package dev.lyne.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Reads bits, lowest first, and numbers in prefix codes. Reading past the end fails with {@link IndexOutOfBoundsException} at the
 * latest {@value #SPARE_BYTES} bytes on, by the array's own check, so that no other is needed for each number; {@link #finish} says
 * whether the end was met.
 */
final class BitReader {
    /** Bytes that have to follow the stream in its array. */
    static final int SPARE_BYTES = 8;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] bytes;
    private final int end;
    private int at;

    /** @param bytes the stream from bit {@code at}, then {@value #SPARE_BYTES} bytes more */
    BitReader(byte[] bytes, int at) {
        this.bytes = bytes;
        this.at = at;
        end = 8 * (bytes.length - SPARE_BYTES);
    }

    /** The next 57 bits at least. */
    static long peek(byte[] bytes, int at) {
        return (long) LONG.get(bytes, at >>> 3) >>> (at & 7);
    }

    byte[] bytes() {
        return bytes;
    }

    /** Bit that is read next. */
    int at() {
        return at;
    }

    void moveTo(int bit) {
        at = bit;
    }

    int bits(int count) {
        int value = (int) peek(bytes, at) & ((1 << count) - 1);
        at += count;
        return value;
    }

    /** A number in Elias' gamma code, at most 31 bits long. */
    int gamma() {
        int zeros = Long.numberOfTrailingZeros(peek(bytes, at) | 1L << 16);
        at += zeros;
        int value = 0;
        for (int bit = 0; bit <= zeros; bit++) {
            value = value << 1 | bits(1);
        }
        return value;
    }

    /** Throws unless all but the filling zeros of the last byte was read. */
    void finish() {
        if (at > end || end - at >= 8 || (at < end && (peek(bytes, at) & ((1L << (end - at)) - 1)) != 0)) {
            throw new MalformedBlockException(
                    "rows end at bit " + at + " (expected: within the last byte of " + end + " bits, then zeros)");
        }
    }
}
