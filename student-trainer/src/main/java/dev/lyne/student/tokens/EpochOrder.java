package dev.lyne.student.tokens;

/**
 * A permutation of 0 … count − 1 for each epoch, a pure function of (seed, epoch) that takes no memory: a balanced Feistel
 * network over the next even number of bits, applied again while its result is out of range (cycle walking; Black and Rogaway,
 * "Ciphers with Arbitrary Finite Domains", 2002). The domain is under four times the count, so it is applied under four times
 * on average.
 */
public final class EpochOrder {
    private static final int ROUNDS = 8;

    private final long count;
    private final long seed;
    private final int halfBits;

    /** An order over {@code count} things. */
    public EpochOrder(long count, long seed) {
        if (count < 1 || count >= 1L << 62) {
            throw new IllegalArgumentException("count: " + count + " (expected: 1 to 2^62 - 1)");
        }
        this.count = count;
        this.seed = seed;
        int bits = Math.max(2, Long.SIZE - Long.numberOfLeadingZeros(count - 1));
        this.halfBits = (bits + 1) / 2;
    }

    /** Returns the number of the item at this place of this epoch. */
    public long at(long epoch, long index) {
        if (index < 0 || index >= count) {
            throw new IllegalArgumentException("index: " + index + " (expected: 0.." + (count - 1) + ")");
        }
        long value = index;
        do {
            value = encrypt(epoch, value);
        } while (value >= count);
        return value;
    }

    private long encrypt(long epoch, long value) {
        long mask = (1L << halfBits) - 1;
        long left = value >>> halfBits;
        long right = value & mask;
        long key = mix(seed ^ mix(epoch + 0x632be59bd9b4e019L));
        for (int round = 0; round < ROUNDS; round++) {
            long next = left ^ (mix(key + round * 0x9e3779b97f4a7c15L + right) & mask);
            left = right;
            right = next;
        }
        return left << halfBits | right;
    }

    /** The finaliser of SplitMix64. */
    private static long mix(long value) {
        long z = value + 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
