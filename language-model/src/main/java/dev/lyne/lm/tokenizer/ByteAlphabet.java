package dev.lyne.lm.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** GPT-2's printable characters for the 256 byte values, which a byte-level vocabulary is written in. */
final class ByteAlphabet {
    /** Character of each byte value. */
    private static final char[] CHARACTERS = characters();

    private ByteAlphabet() {}

    static char character(int byteValue) {
        return CHARACTERS[byteValue];
    }

    /** Byte values in the order of their characters, which is the order of their ids. */
    static List<Integer> byCharacter() {
        List<Integer> values = new ArrayList<>();
        for (int value = 0; value < 256; value++) {
            values.add(value);
        }
        values.sort(Comparator.comparingInt(value -> CHARACTERS[value]));
        return values;
    }

    /** Printable Latin-1 stands for itself; the rest moves, in order, to U+0100 and up. */
    private static char[] characters() {
        char[] characters = new char[256];
        char next = 256;
        for (int value = 0; value < 256; value++) {
            boolean printable = (value >= '!' && value <= '~') || (value >= 0xA1 && value <= 0xFF && value != 0xAD);
            characters[value] = printable ? (char) value : next++;
        }
        return characters;
    }
}
