package dev.lyne.wire;

import java.util.Arrays;

/**
 * Numbers on their way into a compact block, each with the code that it will be written in. All are known before the first is
 * written, because the codes are fitted to them. Owned by one thread.
 */
final class NumberStream {
    /** Of each number: code and symbol as {@code code · symbols + symbol}, then the extra bits (18). */
    private int[] tokens = new int[1 << 12];

    private int size;
    private final int[] histogram = new int[CodeTables.TABLES * CodedNumbers.SYMBOLS];
    private final int[] words = new int[histogram.length];

    void clear() {
        size = 0;
    }

    /** Makes room for as many numbers more; the array to append them to, from {@link #size()} on. */
    int[] reserve(int more) {
        if (tokens.length - size < more) {
            tokens = Arrays.copyOf(tokens, Math.max(2 * tokens.length, size + more));
        }
        return tokens;
    }

    int size() {
        return size;
    }

    /** Tells how many numbers there are after some were put into the reserved array. */
    void resize(int newSize) {
        size = newSize;
    }

    static int token(int code, int number) {
        return (code * CodedNumbers.SYMBOLS << CodedNumbers.EXTRA_WIDTH) + CodedNumbers.split(number);
    }

    /** Appends a number, for which room has been reserved. */
    void add(int code, int number) {
        tokens[size++] = token(code, number);
    }

    /** Fits the codes, and writes them and the numbers. */
    void write(BitWriter out) {
        Arrays.fill(histogram, 0);
        int[] all = tokens;
        int end = size;
        for (int i = 0; i < end; i++) {
            histogram[all[i] >>> CodedNumbers.EXTRA_WIDTH]++;
        }
        writeCodes(out);
        out.ensure(4 * end);
        out.putNumbers(all, end, words);
    }

    private void writeCodes(BitWriter out) {
        byte[] lengths = new byte[CodedNumbers.SYMBOLS];
        int[] codes = new int[CodedNumbers.SYMBOLS];
        PrefixCode fitting = new PrefixCode();
        out.ensure(CodeTables.TABLES * CodedNumbers.SYMBOLS * 2);
        for (int table = 0; table < CodeTables.TABLES; table++) {
            int at = table * CodedNumbers.SYMBOLS;
            int symbols = fitting.lengths(histogram, at, lengths);
            CodeLengths.write(lengths, symbols, out);
            PrefixCode.codes(lengths, symbols, codes);
            for (int symbol = 0; symbol < symbols; symbol++) {
                words[at + symbol] = codes[symbol]
                        | lengths[symbol] << 10
                        | (lengths[symbol] + CodedNumbers.extraBits(symbol)) << 16;
            }
        }
    }
}
