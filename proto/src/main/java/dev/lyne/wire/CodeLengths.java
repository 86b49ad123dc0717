package dev.lyne.wire;

import java.util.Arrays;

/**
 * The lengths of a prefix code as bits: how many symbols up to the last one used (7 bits), then for each the change against the last
 * length that was not 0 (4 at first) in Elias' gamma code: 1: none, 2: one more, 3: one less, 4: not used, 5: two more, 6: two less
 * and so on. After a symbol that is not used, 1 and 4 change places, so that stretches of such symbols cost a bit each.
 */
final class CodeLengths {
    private static final int FIRST = 4;
    private static final int SAME = 1;
    private static final int UNUSED = 4;

    private CodeLengths() {}

    /** @param used the last symbol with a code, plus one */
    static void write(byte[] lengths, int used, BitWriter out) {
        out.put(used, 7);
        int previous = FIRST;
        boolean gap = false;
        for (int symbol = 0; symbol < used; symbol++) {
            int change = lengths[symbol] - previous;
            if (lengths[symbol] == 0) {
                out.putGamma(gap ? SAME : UNUSED);
                gap = true;
            } else {
                int code = change > 0 ? 2 * change : SAME - 2 * change;
                out.putGamma(code == SAME && gap ? UNUSED : code < UNUSED ? code : code + 1);
                previous = lengths[symbol];
                gap = false;
            }
        }
    }

    /** Fills {@code lengths} up to the last symbol with a code; returns that symbol plus one. */
    static int read(BitReader in, byte[] lengths) {
        int used = in.bits(7);
        if (used > lengths.length) {
            throw new MalformedBlockException(
                    "a prefix code of " + used + " symbols (expected: at most " + lengths.length + ")");
        }
        Arrays.fill(lengths, (byte) 0);
        int previous = FIRST;
        boolean gap = false;
        for (int symbol = 0; symbol < used; symbol++) {
            int gamma = in.gamma();
            if (gamma == (gap ? SAME : UNUSED)) {
                gap = true;
                continue;
            }
            if (gamma != UNUSED) {
                int code = gamma > UNUSED ? gamma - 1 : gamma;
                previous += (code & 1) == 0 ? code / 2 : -(code / 2);
            }
            if (previous < 1 || previous > PrefixCode.MAX_LENGTH) {
                throw new MalformedBlockException(
                        "a code of " + previous + " bits (expected: 1.." + PrefixCode.MAX_LENGTH + ")");
            }
            lengths[symbol] = (byte) previous;
            gap = false;
        }
        return used;
    }
}
