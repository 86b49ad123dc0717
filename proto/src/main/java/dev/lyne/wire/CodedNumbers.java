package dev.lyne.wire;

/**
 * How the bit stream of a compact block splits a number below 2^21 into a symbol of a prefix code and extra bits: numbers below 16
 * are their own symbols; above, an octave has four symbols, told apart by the two bits after the leading one, and the bits after
 * those follow as they are.
 */
final class CodedNumbers {
    /** Symbols 0 to 15, and four for each of the octaves from 2^4 to 2^20. */
    static final int SYMBOLS = 16 + 4 * 17;

    /** Numbers below this can be coded. */
    static final int LIMIT = 1 << 21;

    /** Most extra bits. */
    static final int EXTRA_WIDTH = 18;

    private static final int TABLE_SIZE = 1 << 11;
    private static final int[] SPLIT = new int[TABLE_SIZE];

    static {
        for (int number = 0; number < TABLE_SIZE; number++) {
            SPLIT[number] = compute(number);
        }
    }

    private CodedNumbers() {}

    /** Symbol and extra bits of a number, as {@code symbol << 18 | extra bits}. */
    static int split(int number) {
        return number < TABLE_SIZE ? SPLIT[number] : compute(number);
    }

    /** Bits that follow the symbol's code. */
    static int extraBits(int symbol) {
        return symbol < 16 ? 0 : (symbol >> 2) - 2;
    }

    /** The number whose extra bits are all 0. */
    static int base(int symbol) {
        return symbol < 16 ? symbol : (4 | (symbol & 3)) << extraBits(symbol);
    }

    private static int compute(int number) {
        if (number < 16) {
            return number << EXTRA_WIDTH;
        }
        int octave = 31 - Integer.numberOfLeadingZeros(number);
        int symbol = 4 * octave + ((number >> (octave - 2)) & 3);
        return symbol << EXTRA_WIDTH | number & ((1 << (octave - 2)) - 1);
    }
}
