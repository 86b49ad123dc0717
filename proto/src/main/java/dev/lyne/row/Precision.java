package dev.lyne.row;

/** Coding of the log-probabilities of a block. Ids, positions, draw counts and c_τ are exact in every precision. */
public enum Precision {
    /** IEEE 754 binary32, bit for bit as computed. */
    EXACT(1, dev.lyne.v1.Precision.PRECISION_EXACT),
    /** IEEE 754 binary16: within a part in 2,048 of each log-probability. */
    HALF(2, dev.lyne.v1.Precision.PRECISION_HALF),
    /**
     * Levels of a grid that is finer where the probability is larger: the mean KL divergence from the exact bucketed rows is at
     * most 1e-4 nats, every kept log-probability is within 0.1 nats and the log tail mass within 0.05 nats.
     */
    COMPACT(3, dev.lyne.v1.Precision.PRECISION_COMPACT);

    private final byte code;
    private final dev.lyne.v1.Precision message;

    Precision(int code, dev.lyne.v1.Precision message) {
        this.code = (byte) code;
        this.message = message;
    }

    /** The precision's byte in a block header. */
    public byte code() {
        return code;
    }

    /** The precision of a block header's byte; refuses one of none. */
    public static Precision ofCode(byte code) {
        return switch (code) {
            case 1 -> EXACT;
            case 2 -> HALF;
            case 3 -> COMPACT;
            default -> throw new IllegalArgumentException("precision " + code + " (expected: 1, 2 or 3)");
        };
    }

    /** The precision as the contract has it. */
    public dev.lyne.v1.Precision toMessage() {
        return message;
    }

    /** The precision of the contract's; refuses one that is not stated or not known. */
    public static Precision of(dev.lyne.v1.Precision message) {
        return switch (message) {
            case PRECISION_EXACT -> EXACT;
            case PRECISION_HALF -> HALF;
            case PRECISION_COMPACT -> COMPACT;
            case PRECISION_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalArgumentException("precision: " + message + " (expected: exact, half or compact)");
        };
    }
}
