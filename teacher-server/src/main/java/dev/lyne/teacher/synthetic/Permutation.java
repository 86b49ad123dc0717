package dev.lyne.teacher.synthetic;

/**
 * A bijection between ranks and token ids, 0 … V−1, drawn from a hash: shift-and-multiply steps modulo a power of two, repeated until
 * the result is below V (cycle walking), each undone exactly.
 */
final class Permutation {
    private final int size;
    private final int mask;
    private final int shift;
    private final int add;
    private final int firstFactor;
    private final int secondFactor;

    /** @param hash any number; it decides the bijection */
    Permutation(int size, long hash) {
        int bits = Math.max(1, 32 - Integer.numberOfLeadingZeros(size - 1));
        this.size = size;
        this.mask = (1 << bits) - 1;
        this.shift = (bits + 1) / 2; // at least half of the bits, so that x ^ (x >>> shift) undoes itself
        long mixed = Hashing.mix(hash);
        this.add = (int) mixed & mask;
        this.firstFactor = (int) (mixed >>> 32) & mask | 1;
        this.secondFactor = (int) Hashing.mix(mixed) & mask | 1;
    }

    /** The token of a rank. */
    int token(int rank) {
        int x = rank;
        do {
            x = x + add & mask;
            x ^= x >>> shift;
            x = x * firstFactor & mask;
            x ^= x >>> shift;
            x = x * secondFactor & mask;
            x ^= x >>> shift;
        } while (x >= size);
        return x;
    }

    /** The rank of a token. */
    int rank(int token) {
        int firstInverse = inverse(firstFactor);
        int secondInverse = inverse(secondFactor);
        int x = token;
        do {
            x ^= x >>> shift;
            x = x * secondInverse & mask;
            x ^= x >>> shift;
            x = x * firstInverse & mask;
            x ^= x >>> shift;
            x = x - add & mask;
        } while (x >= size);
        return x;
    }

    /** The inverse of an odd number modulo 2^32, by Newton's iteration: each doubles the bits that are right. */
    private static int inverse(int odd) {
        int x = odd; // right in 3 bits
        for (int i = 0; i < 4; i++) {
            x *= 2 - odd * x;
        }
        return x;
    }
}
