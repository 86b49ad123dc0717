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
    private final int size;
    private final int end;
    private int at;

    /** @param bytes the stream from byte {@code from} to byte {@code to}, then {@value #SPARE_BYTES} bytes or more */
    BitReader(byte[] bytes, int from, int to) {
        this.bytes = bytes;
        at = 8 * from;
        size = to - from;
        end = 8 * to;
    }

    /** The next 57 bits at least. */
    static long peek(byte[] bytes, int at) {
        return (long) LONG.get(bytes, at >>> 3) >>> (at & 7);
    }

    byte[] bytes() {
        return bytes;
    }

    /** Bytes of the stream. */
    int size() {
        return size;
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

    /** A number in Elias' gamma code, at most 17 bits long. */
    int gamma() {
        long bits = peek(bytes, at);
        int zeros = Long.numberOfTrailingZeros(bits | 1L << 16);
        at += 2 * zeros + 1;
        return Integer.reverse((int) (bits >>> zeros)) >>> (31 - zeros);
    }

    /** Throws unless all but the filling zeros of the last byte was read. */
    void finish() {
        if (at > end || end - at >= 8 || (at < end && (peek(bytes, at) & ((1L << (end - at)) - 1)) != 0)) {
            throw new MalformedBlockException("a stream ends at bit " + at
                    + " (expected: within the last byte before bit " + end + ", then zeros)");
        }
    }
}
