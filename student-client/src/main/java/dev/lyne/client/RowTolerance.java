package dev.lyne.client;

import dev.lyne.row.Precision;

/** Tolerance of a precision: how far the numbers of a sound row may stand apart. */
enum RowTolerance {
    /** Numbers as computed. */
    EXACT(0, 0, 0),
    /** Each number within a part in 2,048 of what was computed. */
    HALF(0x1p-11, 0, 0),
    /** Entries within 0.1 nats at every temperature, tails within 0.05; masses are made to sum to one. */
    COMPACT(0, 0.1, 0.05);

    /** Rounding allowed between masses that the teacher summed in float32 and their sums in float64 here. */
    static final double MASS = 1e-4;

    private final double part;
    private final double entryNats;
    private final double tailNats;

    RowTolerance(double part, double entryNats, double tailNats) {
        this.part = part;
        this.entryNats = entryNats;
        this.tailNats = tailNats;
    }

    static RowTolerance of(Precision precision) {
        return switch (precision) {
            case EXACT -> EXACT;
            case HALF -> HALF;
            case COMPACT -> COMPACT;
        };
    }

    /** Returns how far kept and tail mass may be from one, given Σ −p·ln p over them. */
    double mass(double nats) {
        return MASS + part * nats;
    }

    /**
     * Whether a token that is not kept can be part of that tail.
     *
     * @param tailError absolute error of the tail's mass
     */
    boolean isWithin(float logProbability, float logTail, double tailError) {
        double nats = MASS + entryNats + tailNats + part * (Math.abs(logProbability) + Math.abs(logTail));
        return Math.exp(logProbability - nats) <= Math.exp(logTail) + 0.01 * MASS + tailError;
    }

    /**
     * Returns how far kept and tail mass at a temperature may be from one, given Σ −q·ln p over them, q being the mass
     * at the temperature.
     */
    double temperedMass(double mass, double nats, float temperature) {
        return MASS * Math.max(1, 1 / temperature) + Math.expm1(entryNats) * mass + part * nats / temperature;
    }

    /**
     * Returns how far a logit less the log-sum-exp may be from the log-probability; those of compact rows are not sent.
     */
    double logit(float logit, float logSumExp, float logProbability) {
        double magnitude = Math.abs(logit) + Math.abs(logSumExp);
        return MASS + 0x1p-20 * magnitude + part * (Math.abs(logit) + Math.abs(logProbability));
    }
}
