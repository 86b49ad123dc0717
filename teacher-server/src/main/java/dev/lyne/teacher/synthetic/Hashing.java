package dev.lyne.teacher.synthetic;

/** A 64-bit mixing function (the finaliser of SplitMix64, Steele, Lea and Flood 2014). */
final class Hashing {
    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    private Hashing() {}

    static long mix(long value) {
        long z = value + GAMMA;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    static long mix(long value, long with) {
        return mix(value * GAMMA ^ with);
    }

    /** A number in [0, 1) with 53 bits. */
    static double uniform(long hash) {
        return (hash >>> 11) * 0x1p-53;
    }
}
