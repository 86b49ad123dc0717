package dev.lyne.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Appends bits to bytes, lowest bit first. */
final class BitWriter {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int SPARE_BYTES = 8;

    private byte[] bytes;
    private int at;
    private long pending;
    private int pendingBits;

    BitWriter(int capacity) {
        bytes = new byte[capacity + SPARE_BYTES];
    }

    /** Makes room for as many bytes more. */
    void ensure(int more) {
        if (bytes.length - at < more + 2 * SPARE_BYTES) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, at + more + 2 * SPARE_BYTES));
        }
    }

    /** Appends the lowest {@code count} bits of a value that has no others, at most 56; there has to be room. */
    void put(long value, int count) {
        pending |= value << pendingBits;
        pendingBits += count;
        LONG.set(bytes, at, pending);
        int whole = pendingBits >>> 3;
        at += whole;
        pending >>>= 8 * whole; // at most 7 bytes, since 7 bits at most were pending
        pendingBits &= 7;
    }

    /**
     * Appends the numbers of tokens: each the code of its symbol, then its extra bits. There has to be room.
     *
     * @param words of each symbol of each code: the code (10 bits), its length (6 bits), the length with the extra bits
     */
    void putNumbers(int[] tokens, int end, int[] words) {
        byte[] target = bytes;
        int place = at;
        long bits = pending;
        int count = pendingBits;
        for (int i = 0; i < end; i++) {
            int token = tokens[i];
            int word = words[token >>> CodedNumbers.EXTRA_WIDTH];
            long extra = token & ((1 << CodedNumbers.EXTRA_WIDTH) - 1);
            bits |= (word & 1023 | extra << ((word >> 10) & 63)) << count;
            count += word >>> 16;
            LONG.set(target, place, bits);
            place += count >>> 3;
            bits >>>= count & 56;
            count &= 7;
        }
        at = place;
        pending = bits;
        pendingBits = count;
    }

    /** Elias' gamma code of a number from 1: as many zeros as it has bits after the first, then its bits, first bit first. */
    void putGamma(int number) {
        int bits = 31 - Integer.numberOfLeadingZeros(number);
        put((long) Integer.reverse(number) >>> (31 - bits) << bits & ((1L << (2 * bits + 1)) - 1), 2 * bits + 1);
    }

    /** Whole bytes to fill in otherwise, before any bit. */
    ByteBuffer skip(int count) {
        ByteBuffer skipped = ByteBuffer.wrap(bytes, at, count).order(ByteOrder.LITTLE_ENDIAN);
        at += count;
        return skipped;
    }

    /** All bytes, the last incomplete one filled up with zeros, and {@code more} bytes of zeros. */
    byte[] finish(int more) {
        int length = at + (pendingBits > 0 ? 1 : 0);
        byte[] all = Arrays.copyOf(bytes, length + more);
        Arrays.fill(all, length, length + more, (byte) 0);
        return all;
    }
}
