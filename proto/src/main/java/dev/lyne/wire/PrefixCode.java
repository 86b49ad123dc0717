package dev.lyne.wire;

import java.util.Arrays;

/**
 * Canonical prefix codes with at most {@value #MAX_LENGTH} bits: from counts of symbols to lengths, and from lengths to codes. Owned by
 * one thread, for its scratch.
 */
final class PrefixCode {
    static final int MAX_LENGTH = 9;

    private final long[] byCount = new long[CodedNumbers.SYMBOLS];
    private final int[] symbols = new int[CodedNumbers.SYMBOLS];
    private final int[] weight = new int[2 * CodedNumbers.SYMBOLS];
    private final int[] parent = new int[2 * CodedNumbers.SYMBOLS];
    private final int[] depth = new int[2 * CodedNumbers.SYMBOLS];

    /** Lengths of an optimal code (Huffman, 1952), flattened where it is deeper than allowed; 0 for symbols that do not occur. Returns the last symbol that does, plus one. */
    int lengths(int[] counts, byte[] lengths) {
        Arrays.fill(lengths, (byte) 0);
        int used = 0;
        int end = 0;
        for (int symbol = 0; symbol < CodedNumbers.SYMBOLS; symbol++) {
            if (counts[symbol] > 0) {
                end = symbol + 1;
                byCount[used++] = (long) counts[symbol] << 8 | symbol;
            }
        }
        Arrays.sort(byCount, 0, used);
        for (int i = 0; i < used; i++) {
            symbols[i] = (int) byCount[i] & 255;
        }
        if (used <= 1) {
            if (used == 1) {
                lengths[symbols[0]] = 1;
            }
            return end;
        }
        findDepths(counts, used);
        limit(depth, used);
        for (int i = 0; i < used; i++) {
            lengths[symbols[i]] = (byte) depth[i];
        }
        return end;
    }

    /** Depths of the leaves, which are in ascending order of count; inner nodes are made in ascending order too, so two queues do. */
    private void findDepths(int[] counts, int used) {
        int nodes = 2 * used - 1;
        for (int i = 0; i < used; i++) {
            weight[i] = counts[symbols[i]];
        }
        int leaf = 0;
        int inner = used;
        for (int node = used; node < nodes; node++) {
            weight[node] = 0;
            for (int child = 0; child < 2; child++) {
                boolean takeLeaf = leaf < used && (inner >= node || weight[leaf] <= weight[inner]);
                int taken = takeLeaf ? leaf++ : inner++;
                weight[node] += weight[taken];
                parent[taken] = node;
            }
        }
        depth[nodes - 1] = 0;
        for (int node = nodes - 2; node >= 0; node--) {
            depth[node] = depth[parent[node]] + 1;
        }
    }

    /** Cuts depths to the limit and restores Kraft's equality: rarest leaves sink first, the most frequent rise into what is left. */
    private static void limit(int[] depths, int used) {
        int room = 1 << MAX_LENGTH;
        for (int i = 0; i < used; i++) {
            depths[i] = Math.min(depths[i], MAX_LENGTH);
            room -= 1 << (MAX_LENGTH - depths[i]);
        }
        for (int i = 0; room < 0; i = (i + 1) % used) {
            if (depths[i] < MAX_LENGTH) {
                depths[i]++;
                room += 1 << (MAX_LENGTH - depths[i]);
            }
        }
        for (int i = used - 1; i >= 0 && room > 0; i--) {
            while (depths[i] > 1 && 1 << (MAX_LENGTH - depths[i]) <= room) {
                room -= 1 << (MAX_LENGTH - depths[i]);
                depths[i]--;
            }
        }
    }

    /** Codes of the symbols below {@code end}, in order of length, then symbol, with their first bit lowest, as the stream takes them. */
    static void codes(byte[] lengths, int end, int[] codes) {
        int[] next = firstCodes(lengths);
        for (int symbol = 0; symbol < end; symbol++) {
            int length = lengths[symbol];
            codes[symbol] = length == 0 ? 0 : Integer.reverse(next[length]++) >>> (32 - length);
        }
    }

    /** The first code of each length; throws where the lengths make neither a complete code nor one of a single symbol. */
    static int[] firstCodes(byte[] lengths) {
        int[] ofLength = new int[MAX_LENGTH + 1];
        int used = 0;
        int room = 1 << MAX_LENGTH;
        for (byte length : lengths) {
            if (length > 0) {
                ofLength[length]++;
                used++;
                room -= 1 << (MAX_LENGTH - length);
            }
        }
        boolean single = used == 1 && ofLength[1] == 1;
        if (room != 0 && used > 0 && !single) {
            throw new MalformedBlockException("a prefix code of " + used + " symbols that is not complete");
        }
        int[] first = new int[MAX_LENGTH + 1];
        for (int length = 1, code = 0; length <= MAX_LENGTH; length++) {
            first[length] = code;
            code = (code + ofLength[length]) << 1;
        }
        return first;
    }
}
