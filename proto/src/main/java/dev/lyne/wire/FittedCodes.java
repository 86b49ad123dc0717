package dev.lyne.wire;

import java.util.Arrays;

/**
 * Prefix codes fitted to the numbers of a block: numbers become tokens and are counted, then the codes are made and written, then the
 * tokens are. Most numbers are small, and their tokens lead to ready bits at once. Owned by one thread.
 */
final class FittedCodes {
    /** Numbers below this are small. */
    static final int SMALL = 256;

    /** Numbers below this are symbols of their own. */
    private static final int OWN_SYMBOLS = 16;

    /** Counts of small tokens, which are {@code code · SMALL + number}. */
    final int[] histogram = new int[CodeTables.TABLES * SMALL];

    /** Code words of small tokens: the bits of the number (16), and how many they are. */
    final int[] words = new int[histogram.length];

    /** Counts and code words of other tokens, {@code code · symbols + symbol}. */
    private final int[] largeHistogram = new int[CodeTables.TABLES * CodedNumbers.SYMBOLS];

    private final int[] largeWords = new int[largeHistogram.length];
    private final int[] counts = new int[CodedNumbers.SYMBOLS];
    private final byte[] lengths = new byte[CodedNumbers.SYMBOLS];
    private final int[] codes = new int[CodedNumbers.SYMBOLS];
    private final PrefixCode fitting = new PrefixCode();

    void clear() {
        Arrays.fill(histogram, 0);
        Arrays.fill(largeHistogram, 0);
    }

    /** The token of a number. A negative token is that of a large number: symbol of the code, and extra bits (18). */
    private static int token(int code, int number) {
        if (number < SMALL) {
            return code * SMALL + number;
        }
        int split = CodedNumbers.split(number);
        return Integer.MIN_VALUE | (code * CodedNumbers.SYMBOLS << CodedNumbers.EXTRA_WIDTH) + split;
    }

    /** The token of a number, which is counted. */
    int count(int code, int number) {
        int token = token(code, number);
        if (token >= 0) {
            histogram[token]++;
        } else {
            largeHistogram[(token & Integer.MAX_VALUE) >>> CodedNumbers.EXTRA_WIDTH]++;
        }
        return token;
    }

    /** Writes a number. */
    void put(int code, int number, BitWriter out) {
        put(token(code, number), out);
    }

    static int bits(int word) {
        return word & 0xffff;
    }

    static int length(int word) {
        return word >>> 16;
    }

    /** Writes a token. */
    void put(int token, BitWriter out) {
        if (token >= 0) {
            out.put(bits(words[token]), length(words[token]));
            return;
        }
        int word = largeWords[(token & Integer.MAX_VALUE) >>> CodedNumbers.EXTRA_WIDTH];
        int extra = CodedNumbers.extraBits(
                ((token & Integer.MAX_VALUE) >>> CodedNumbers.EXTRA_WIDTH) % CodedNumbers.SYMBOLS);
        long rest = token & ((1 << CodedNumbers.EXTRA_WIDTH) - 1);
        out.put(bits(word) | rest << length(word), length(word) + extra);
    }

    /** Fits the codes to what was counted, and writes their lengths. */
    void write(BitWriter out) {
        out.ensure(CodeTables.TABLES * CodedNumbers.SYMBOLS * 2);
        for (int code = 0; code < CodeTables.TABLES; code++) {
            System.arraycopy(largeHistogram, code * CodedNumbers.SYMBOLS, counts, 0, CodedNumbers.SYMBOLS);
            int first = code * SMALL;
            for (int number = 0; number < OWN_SYMBOLS; number++) {
                counts[number] += histogram[first + number];
            }
            for (int number = OWN_SYMBOLS; number < SMALL; number += 4) { // from here on, four at least have a symbol
                int at = first + number;
                counts[CodedNumbers.split(number) >>> CodedNumbers.EXTRA_WIDTH] +=
                        histogram[at] + histogram[at + 1] + histogram[at + 2] + histogram[at + 3];
            }
            int symbols = fitting.lengths(counts, lengths);
            CodeLengths.write(lengths, symbols, out);
            PrefixCode.codes(lengths, symbols, codes);
            for (int symbol = 0; symbol < symbols; symbol++) {
                int length = lengths[symbol];
                largeWords[code * CodedNumbers.SYMBOLS + symbol] = codes[symbol] | length << 16;
                int base = CodedNumbers.base(symbol);
                int extra = CodedNumbers.extraBits(symbol);
                for (int rest = 0; rest < 1 << extra && base + rest < SMALL; rest++) {
                    words[code * SMALL + base + rest] = codes[symbol] | rest << length | (length + extra) << 16;
                }
            }
        }
    }
}
