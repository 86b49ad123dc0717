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

    /** Room for the largest block, where every number is as long as it may be. */
    private static final int MOST_BYTES = Integer.MAX_VALUE - 64;

    private byte[] bytes;
    private int at;
    private long pending;
    private int pendingBits;

    BitWriter(int capacity) {
        bytes = new byte[capacity + SPARE_BYTES];
    }

    /** Starts afresh, with the room there is. */
    void clear() {
        at = 0;
        pending = 0;
        pendingBits = 0;
    }

    /** Makes room for as many bytes more. */
    void ensure(long more) {
        long needed = at + more + 2 * SPARE_BYTES;
        if (needed > MOST_BYTES) {
            throw new IllegalArgumentException(
                    "a block of up to " + needed + " bytes (expected: at most " + MOST_BYTES + ")");
        }
        if (bytes.length < needed) {
            bytes = Arrays.copyOf(bytes, (int) Math.min(MOST_BYTES, Math.max(2L * bytes.length, needed)));
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

    /** Appends the numbers of tokens, as {@link FittedCodes} makes them. */
    void putNumbers(int[] tokens, int end, FittedCodes codes) {
        ensure(4L * end); // 27 bits a number at most
        for (int i = 0; i < end; i++) {
            codes.put(tokens[i], this);
        }
    }

    /** Appends heights, which the lowest bits of entries hold. */
    void putHeights(long[] entries, int end, int heightMask, FittedCodes codes) {
        ensure(4L * end); // 27 bits a number at most
        byte[] target = bytes;
        int[] words = codes.words;
        int token = CodeTables.HEIGHT * FittedCodes.SMALL;
        int place = at;
        long bits = pending;
        int count = pendingBits;
        int i = 0;
        for (; i < end - 3; i += 4) {
            int first = (int) entries[i] & heightMask;
            int second = (int) entries[i + 1] & heightMask;
            int third = (int) entries[i + 2] & heightMask;
            int fourth = (int) entries[i + 3] & heightMask;
            if ((first | second | third | fourth) >= FittedCodes.SMALL) {
                at = place;
                pending = bits;
                pendingBits = count;
                for (int j = i; j < i + 4; j++) {
                    codes.put(CodeTables.HEIGHT, (int) entries[j] & heightMask, this);
                }
                place = at;
                bits = pending;
                count = pendingBits;
                continue;
            }
            int word = words[token + first]; // 14 bits a number at most: four of them go beside 7 that may be pending
            bits |= (long) FittedCodes.bits(word) << count;
            count += FittedCodes.length(word);
            word = words[token + second];
            bits |= (long) FittedCodes.bits(word) << count;
            count += FittedCodes.length(word);
            word = words[token + third];
            bits |= (long) FittedCodes.bits(word) << count;
            count += FittedCodes.length(word);
            word = words[token + fourth];
            bits |= (long) FittedCodes.bits(word) << count;
            count += FittedCodes.length(word);
            LONG.set(target, place, bits);
            place += count >>> 3;
            bits >>>= count & 56;
            count &= 7;
        }
        at = place;
        pending = bits;
        pendingBits = count;
        for (; i < end; i++) {
            codes.put(CodeTables.HEIGHT, (int) entries[i] & heightMask, this);
        }
    }

    /** Elias' gamma code of a number from 1: as many zeros as it has bits after the first, then its bits, first bit first. */
    void putGamma(int number) {
        int bits = 31 - Integer.numberOfLeadingZeros(number);
        put((long) Integer.reverse(number) >>> (31 - bits) << bits & ((1L << (2 * bits + 1)) - 1), 2 * bits + 1);
    }

    /**
     * Appends ids, in ascending order, and the rows that have each. Of an id: its distance from the one before less one, in the exponential
     * Golomb code of an order; how many rows have it less one, in that of order 0; and their gaps in Rice codes: as many zeros as
     * the gap has 2^rice, a one, and the rest in {@code rice} bits.
     *
     * @param ids the first {@code count} of them
     * @param ends of each id: where its entries end, which follow those of the id before
     * @param entries rows of the entries, in 16 bits from {@code shift} on
     * @param riceBits parameter of the gaps, by how many rows have an id
     * @return the first id whose rows do not ascend, or −1
     */
    int putIds(int[] ids, int count, int order, int[] ends, long[] entries, int shift, byte[] riceBits) {
        ensure(5L * (count == 0 ? 0 : ends[ids[count - 1]]) + 12L * count);
        byte[] target = bytes;
        int place = at;
        long bits = pending;
        int used = pendingBits;
        int previous = -1;
        int entry = 0;
        for (int i = 0; i < count; i++) {
            int id = ids[i];
            int end = ends[id];
            int distance = id - previous - 1 + (1 << order);
            int exponent = 31 - Integer.numberOfLeadingZeros(distance);
            bits |= (1L | (long) (distance ^ (1 << exponent)) << 1) << (exponent - order) << used;
            used += 2 * exponent - order + 1; // 41 bits at most
            int sum = end - entry;
            int length = 31 - Integer.numberOfLeadingZeros(sum);
            if (used + 2 * length + 1 >= Long.SIZE) {
                LONG.set(target, place, bits);
                place += used >>> 3;
                bits >>>= used & 56;
                used &= 7;
            }
            bits |= (1L | (long) (sum ^ (1 << length)) << 1) << length << used;
            used += 2 * length + 1; // 33 bits at most
            LONG.set(target, place, bits);
            place += used >>> 3;
            bits >>>= used & 56;
            used &= 7;
            int rice = riceBits[Math.min(sum, riceBits.length - 1)];
            int next = 0;
            while (entry < end) {
                int row = (int) (entries[entry] >>> shift) & 0xffff;
                int gap = row - next;
                int code = RiceCodes.code(gap, rice);
                if (entry + 1 < end) {
                    int second = (int) (entries[entry + 1] >>> shift) & 0xffff;
                    int secondCode = RiceCodes.code(second - row - 1, rice);
                    if (code != 0 && secondCode != 0) {
                        int codeLength = RiceCodes.length(code);
                        bits |= (RiceCodes.bits(code) | RiceCodes.bits(secondCode) << codeLength) << used;
                        used += codeLength + RiceCodes.length(secondCode); // 52 bits at most
                        LONG.set(target, place, bits);
                        place += used >>> 3;
                        bits >>>= used & 56;
                        used &= 7;
                        next = second + 1;
                        entry += 2;
                        continue;
                    }
                }
                next = row + 1;
                entry++;
                if (code != 0) {
                    bits |= RiceCodes.bits(code) << used;
                    used += RiceCodes.length(code);
                } else {
                    int zeros = gap >>> rice;
                    if (Integer.compareUnsigned(zeros, RiceCodes.ESCAPE) < 0) {
                        bits |= (1L | (gap & ((1L << rice) - 1)) << 1) << zeros << used;
                        used += zeros + 1 + rice;
                    } else if (gap >= 0) {
                        bits |= (long) gap << RiceCodes.ESCAPE << used;
                        used += RiceCodes.ESCAPE + RiceCodes.ESCAPED_BITS;
                    } else {
                        return id;
                    }
                }
                LONG.set(target, place, bits);
                place += used >>> 3;
                bits >>>= used & 56;
                used &= 7;
            }
            previous = id;
        }
        at = place;
        pending = bits;
        pendingBits = used;
        return -1;
    }

    /** Bytes to fill in otherwise, at the start of a byte; returns where they start. */
    int skip(int count) {
        ensure(count);
        int start = at;
        at += count;
        return start;
    }

    /** Bytes so far. */
    int size() {
        return at;
    }

    /** Fills the last byte up with zeros. */
    void fillByte() {
        if (pendingBits > 0) {
            put(0, 8 - pendingBits);
        }
    }

    /** Writes a little-endian integer over bytes that were skipped. */
    void putInt(int place, int value) {
        buffer(place, Integer.BYTES).putInt(value);
    }

    /** Bytes that were skipped, to fill in. */
    ByteBuffer buffer(int place, int count) {
        return ByteBuffer.wrap(bytes, place, count).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** All bytes, the last incomplete one filled up with zeros, and {@code more} bytes of zeros. */
    byte[] finish(int more) {
        fillByte();
        byte[] all = Arrays.copyOf(bytes, at + more);
        Arrays.fill(all, at, at + more, (byte) 0);
        return all;
    }
}
