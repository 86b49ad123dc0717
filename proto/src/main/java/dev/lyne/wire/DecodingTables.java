package dev.lyne.wire;

import java.util.Arrays;

/**
 * All prefix codes of a block as one table: the next bits lead to a number's base (from bit 10 up), how many extra bits to add (5
 * bits), and how many bits code and extra bits take (5 bits).
 */
final class DecodingTables {
    private static final int TOTAL_MASK = 31;
    private static final int EXTRA_SHIFT = 5;
    private static final int BASE_SHIFT = 10;

    /** Bits that nearly all numbers take at most, code and extra bits together. */
    private static final int SHORT_BITS = 11;

    /** The bits that {@link #shortNumbers} is looked up by. */
    static final int SHORT_MASK = (1 << SHORT_BITS) - 1;

    /** Shift of the place of the number in {@link #shortNumbers} and {@link #longNumber}, above its {@link #total}. */
    static final int NUMBER_SHIFT = EXTRA_SHIFT;

    /** Entry of an unused code: a number that nothing accepts. */
    private static final int NOTHING = (CodedNumbers.LIMIT - 1) << BASE_SHIFT | 1;

    final int[] entries;
    final int[] start = new int[CodeTables.TABLES];
    final int[] mask = new int[CodeTables.TABLES];

    /** Reads the lengths of all codes. */
    DecodingTables(BitReader in) {
        byte[][] lengths = new byte[CodeTables.TABLES][];
        byte[] read = new byte[CodedNumbers.SYMBOLS];
        int size = 0;
        for (int code = 0; code < CodeTables.TABLES; code++) {
            int used = CodeLengths.read(in, read);
            lengths[code] = Arrays.copyOf(read, used);
            int longest = 0;
            for (byte length : lengths[code]) {
                longest = Math.max(longest, length);
            }
            start[code] = size;
            mask[code] = (1 << longest) - 1;
            size += 1 << longest;
        }
        entries = new int[size];
        for (int code = 0; code < CodeTables.TABLES; code++) {
            fill(start[code], lengths[code]);
        }
    }

    /**
     * Fills in a code's table from short codes to long ones: it doubles with each length, and what stands at a place without a code so
     * far is written over by a longer one, because codes are complete.
     */
    private void fill(int at, byte[] lengths) {
        int[] firstCodes = PrefixCode.firstCodes(lengths);
        int[] places = new int[PrefixCode.MAX_LENGTH + 2];
        int used = 0;
        int last = 0;
        for (int symbol = 0; symbol < lengths.length; symbol++) {
            places[lengths[symbol] + 1]++;
            if (lengths[symbol] > 0) {
                used++;
                last = symbol;
            }
        }
        if (used == 0) {
            entries[at] = NOTHING;
            return;
        }
        if (used == 1) {
            entries[at] = entry(last, 1);
            entries[at + 1] = entries[at]; // the one bit of a lone symbol says nothing
            return;
        }
        byte[] byLength = new byte[lengths.length];
        for (int length = 1; length < places.length; length++) {
            places[length] += places[length - 1];
        }
        for (int symbol = 0; symbol < lengths.length; symbol++) {
            byLength[places[lengths[symbol]]++] = (byte) symbol;
        }
        int next = places[0];
        int size = 1;
        for (int length = 1; next < lengths.length; length++) {
            System.arraycopy(entries, at, entries, at + size, size);
            size *= 2;
            int code = firstCodes[length];
            for (; next < places[length]; next++) {
                entries[at + (Integer.reverse(code++) >>> (32 - length))] = entry(byLength[next], length);
            }
        }
    }

    private static int entry(int symbol, int length) {
        int extra = CodedNumbers.extraBits(symbol);
        return CodedNumbers.base(symbol) << BASE_SHIFT | extra << EXTRA_SHIFT | (length + extra);
    }

    /** Bits that the number takes whose entry this is. */
    static int total(int entry) {
        return entry & TOTAL_MASK;
    }

    /** The number, from its entry and the bits from the start of its code on. */
    static int number(int entry, long bits) {
        int extra = (entry >>> EXTRA_SHIFT) & 31;
        int rest = (int) (bits >>> ((entry & TOTAL_MASK) - extra)) & ((1 << extra) - 1);
        return (entry >>> BASE_SHIFT) + rest;
    }

    /** Reads one number of a code. */
    int read(BitReader in, int code) {
        long bits = BitReader.peek(in.bytes(), in.at());
        int entry = entries[start[code] + ((int) bits & mask[code])];
        in.moveTo(in.at() + total(entry));
        return number(entry, bits);
    }

    /** Numbers by the next bits, extra ones among them; 0 for numbers that take more. */
    int[] shortNumbers(int code) {
        int[] numbers = new int[SHORT_MASK + 1];
        int from = start[code];
        int of = mask[code];
        for (int bits = 0; bits <= SHORT_MASK; bits++) {
            int entry = entries[from + (bits & of)];
            if (total(entry) <= SHORT_BITS) {
                numbers[bits] = longNumber(code, bits);
            }
        }
        return numbers;
    }

    /** The number that starts the bits, as {@link #shortNumbers} has the short ones. */
    int longNumber(int code, long bits) {
        int entry = entries[start[code] + ((int) bits & mask[code])];
        return number(entry, bits) << NUMBER_SHIFT | total(entry);
    }
}
