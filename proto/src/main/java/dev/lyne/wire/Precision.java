package dev.lyne.wire;

/** How the log-probabilities of a block are coded. Ids, positions, draw counts and c_τ are exact in every precision. */
public enum Precision {
    /** IEEE 754 binary32, bit for bit as computed. */
    EXACT(1),
    /** IEEE 754 binary16: within a part in 2,048 of each log-probability. */
    HALF(2),
    /**
     * Levels of a grid that is finer where the probability is larger: the mean KL divergence from the exact bucketed rows is at
     * most 1e-4 nats, every kept log-probability is within 0.1 nats and the log tail mass within 0.05 nats.
     */
    COMPACT(3);

    private final byte code;

    Precision(int code) {
        this.code = (byte) code;
    }

    /** The precision's byte in a block header. */
    byte code() {
        return code;
    }

    static Precision ofCode(byte code) {
        return switch (code) {
            case 1 -> EXACT;
            case 2 -> HALF;
            case 3 -> COMPACT;
            default -> throw new MalformedBlockException("precision " + code + " (expected: 1, 2 or 3)");
        };
    }
}
