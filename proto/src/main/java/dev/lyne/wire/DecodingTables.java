package dev.lyne.wire;

/**
 * All prefix codes of a block as one table: the next bits lead to a symbol (from bit 5 up) and to how many bits its code and extra
 * bits take (5 bits). Small, because a table that leaves the first-level cache costs more than all else in decoding.
 */
final class DecodingTables {
    private static final int SYMBOL_SHIFT = 5;
    private static final int TOTAL_MASK = 31;

    /** Of an unused code: stands for a number that nothing accepts. */
    private static final int NO_SYMBOL = CodedNumbers.SYMBOLS;

    /** Of each symbol: the number whose extra bits are 0, and how many there are (5 bits). */
    private static final int[] NUMBERS = new int[CodedNumbers.SYMBOLS + 1];

    static {
        for (int symbol = 0; symbol < CodedNumbers.SYMBOLS; symbol++) {
            NUMBERS[symbol] = CodedNumbers.base(symbol) << 5 | CodedNumbers.extraBits(symbol);
        }
        NUMBERS[NO_SYMBOL] = (CodedNumbers.LIMIT - 1) << 5;
    }

    final short[] entries;
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
        entries = new short[size];
        for (int code = 0; code < CodeTables.TABLES; code++) {
            fill(entries, start[code], longest[code], lengths[code]);
        }
    }

    private static void fill(short[] table, int at, int longest, byte[] lengths) {
        int[] next = PrefixCode.firstCodes(lengths);
        if (longest == 0) {
            table[at] = (short) (NO_SYMBOL << SYMBOL_SHIFT | 1);
            return;
        }
        int size = 1 << longest;
        boolean single = true;
        short last = 0;
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

    private static short entry(int symbol, int length) {
        return (short) (symbol << SYMBOL_SHIFT | (length + CodedNumbers.extraBits(symbol)));
    }

    /** Bits that the number takes whose entry this is. */
    static int total(int entry) {
        return entry & TOTAL_MASK;
    }

    /** The symbol; numbers below 16 are their own. */
    static int symbol(int entry) {
        return entry >>> SYMBOL_SHIFT;
    }

    /** The number, from its entry and the bits from the start of its code on. */
    static int number(int entry, long bits) {
        int number = NUMBERS[entry >>> SYMBOL_SHIFT];
        int extra = number & 31;
        int length = (entry & TOTAL_MASK) - extra;
        return (number >>> 5) + ((int) (bits >>> length) & ((1 << extra) - 1));
    }

    /** Reads one number of a code. */
    int read(BitReader in, int code) {
        long bits = BitReader.peek(in.bytes(), in.at());
        int entry = entries[start[code] + ((int) bits & mask[code])];
        in.moveTo(in.at() + total(entry));
        return number(entry, bits);
    }
}
