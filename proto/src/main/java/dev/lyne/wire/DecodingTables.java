package dev.lyne.wire;

/**
 * All prefix codes of a block as one table: the next bits lead to what a code says. An entry holds how many bits code and extra bits
 * take (6 bits), the code's share of them (4), and the number whose extra bits are 0 (21).
 */
final class DecodingTables {
    private static final int BASE_SHIFT = 10;
    private static final int TOTAL_MASK = 63;

    /** An unused code: a number that nothing accepts. */
    private static final int NO_CODE = (CodedNumbers.LIMIT - 1) << BASE_SHIFT | 1 << 6 | 1;

    final int[] entries;
    final int[] start = new int[CodeTables.TABLES];
    final int[] mask = new int[CodeTables.TABLES];

    /** Reads the lengths of all codes. */
    DecodingTables(BitReader in) {
        byte[][] lengths = new byte[CodeTables.TABLES][CodedNumbers.SYMBOLS];
        int[] longest = new int[CodeTables.TABLES];
        int size = 0;
        for (int code = 0; code < CodeTables.TABLES; code++) {
            CodeLengths.read(in, lengths[code]);
            for (byte length : lengths[code]) {
                longest[code] = Math.max(longest[code], length);
            }
            start[code] = size;
            mask[code] = (1 << longest[code]) - 1;
            size += 1 << longest[code];
        }
        entries = new int[size];
        for (int code = 0; code < CodeTables.TABLES; code++) {
            fill(entries, start[code], longest[code], lengths[code]);
        }
    }

    private static void fill(int[] table, int at, int longest, byte[] lengths) {
        int[] next = PrefixCode.firstCodes(lengths);
        if (longest == 0) {
            table[at] = NO_CODE;
            return;
        }
        int size = 1 << longest;
        boolean single = true;
        int last = 0;
        for (int symbol = 0; symbol < lengths.length; symbol++) {
            int length = lengths[symbol];
            if (length == 0) {
                continue;
            }
            int code = next[length]++;
            single &= code == 0;
            last = entry(symbol, length);
            for (int i = Integer.reverse(code) >>> (32 - length); i < size; i += 1 << length) {
                table[at + i] = last;
            }
        }
        if (single) {
            table[at + 1] = last; // the one bit of a lone symbol says nothing
        }
    }

    private static int entry(int symbol, int length) {
        return CodedNumbers.base(symbol) << BASE_SHIFT | length << 6 | (length + CodedNumbers.extraBits(symbol));
    }

    /** Bits that the number takes whose entry this is. */
    static int total(int entry) {
        return entry & TOTAL_MASK;
    }

    /** The number, less its extra bits. */
    static int base(int entry) {
        return entry >>> BASE_SHIFT;
    }

    /** The number, from its entry and the bits from the start of its code on. */
    static int number(int entry, long bits) {
        int length = (entry >> 6) & 15;
        int extra = (entry & TOTAL_MASK) - length;
        return (entry >>> BASE_SHIFT) + ((int) (bits >>> length) & ((1 << extra) - 1));
    }

    /** Reads one number of a code. */
    int read(BitReader in, int code) {
        long bits = BitReader.peek(in.bytes(), in.at());
        int entry = entries[start[code] + ((int) bits & mask[code])];
        in.moveTo(in.at() + total(entry));
        return number(entry, bits);
    }
}
