package dev.lyne.load.profile;

/** Seeds of a run's many streams of random numbers, all from one. */
public final class Seeds {
    /** Stream of intended times. */
    public static final long ARRIVALS = 1L << 60;

    /** Stream of pauses, stalls and disconnections. */
    public static final long BEHAVIOUR = 2L << 60;

    static final long POOL = 3L << 60;

    private Seeds() {}

    /** The seed of a stream; the finaliser of SplitMix64 over the three. */
    public static long of(long seed, long first, long second) {
        return mix(mix(mix(seed) ^ first) ^ second);
    }

    private static long mix(long value) {
        long z = value + 0x9e3779b97f4a7c15L;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
