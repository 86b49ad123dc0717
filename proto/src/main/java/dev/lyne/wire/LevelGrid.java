package dev.lyne.wire;

/**
 * The grid that compact log-probabilities are rounded to. An error Δ at probability p costs about p·Δ²/2 nats of KL divergence, so
 * the cheapest grid for a given divergence has steps proportional to 1/√p: levels are equally spaced in √p, with spacing
 * {@code fineness}/2, until that step would exceed {@code maxStep} nats, and equally spaced in log p below.
 *
 * <p>Levels are counted downwards as depths: depth 0 is the first level at or above probability 1. With
 * {@code L = top − depth}, the value is {@code 2·ln(L·fineness/2)} where {@code L·maxStep ≥ 2}, else
 * {@code 2·ln(fineness/maxStep) + L·maxStep − 2}.
 */
final class LevelGrid {
    /** Bounds of {@code fineness}, which bound the size of a grid's table. */
    static final float MIN_FINENESS = 0x1p-16f;

    static final float MAX_FINENESS = 1f;

    /** Bounds of {@code maxStep}, in nats. */
    static final float MIN_STEP = 0x1p-12f;

    static final float MAX_STEP = 0.2f;

    /** Deepest level: every number of the format stays below 2^21. */
    static final int MAX_DEPTH = (1 << 20) - 1;

    /** Largest log-probability that rounding in float32 can bring about. */
    static final float MAX_LOG_PROBABILITY = 1e-2f;

    /** A tail's largest step is this part of an entry's. */
    static final int TAIL_STEPS = 4;

    /** Fineness of the grid for tempered tails. */
    private static final float TEMPERED_FINENESS = 0x1p-7f;

    /** Largest step of the grid for tempered tails, in nats. */
    static final double TEMPERED_STEP = 0.046875;

    /** A log tail mass at another temperature that is below this is coded as this: as a number it is 0 in any case. */
    static final float LEAST_TEMPERED_TAIL = -4096f;

    /** Most halvings of the grids for tails. */
    static final int MAX_REFINEMENT = 3;

    /** Levels of the straight part that stand in the table: enough for 20 nats below the knee at the usual steps. */
    private static final int STRAIGHT_LEVELS_IN_TABLE = 128;

    private final float finenessStated;
    private final float maxStepStated;
    private final double fineness;
    private final double maxStep;
    private final double knee;
    private final double levelsPerRoot;
    private final double levelsPerNat;
    private final float least;
    private final int top;
    private final float[] levels;

    private LevelGrid(float fineness, float maxStep, boolean table) {
        finenessStated = fineness;
        maxStepStated = maxStep;
        this.fineness = fineness;
        this.maxStep = maxStep;
        knee = 2 * Math.log(this.fineness / this.maxStep);
        top = (int) Math.ceil(2 / this.fineness);
        levelsPerRoot = 2 / this.fineness;
        levelsPerNat = 1 / this.maxStep;
        least = (float) compute(MAX_DEPTH);
        int curved = Math.max(0, top - (int) Math.floor(2 / this.maxStep));
        levels = new float[table ? 2 * (curved + STRAIGHT_LEVELS_IN_TABLE) : 0];
        for (int depth = 0; 2 * depth < levels.length; depth++) {
            double root = (top - depth) * this.fineness / 2;
            double value = compute(depth);
            levels[2 * depth] = (float) value;
            levels[2 * depth + 1] = (float) (value > knee ? root * root : Math.exp(value));
        }
    }

    /** The grid for log-probabilities of kept ids and labels, with its values in a table. */
    static LevelGrid forEntries(float fineness, float maxStep) {
        return new LevelGrid(fineness, maxStep, true);
    }

    /**
     * The grid for log tail masses beside this one: twice as fine where it curves, a quarter of the step below.
     *
     * @param refinement how often it is halved once more: tails that entries were added to are rounded on a finer grid
     */
    LevelGrid forTails(int refinement) {
        return new LevelGrid(finenessStated / (2 << refinement), maxStepStated / (TAIL_STEPS << refinement), false);
    }

    /** The grid for log tail masses at other temperatures: the same in every block, but for the refinement. */
    static LevelGrid forTemperedTails(int refinement) {
        return new LevelGrid(TEMPERED_FINENESS / (1 << refinement), (float) TEMPERED_STEP / (1 << refinement), false);
    }

    /** Whether a log-probability that is at most 0, but for rounding, has a level. */
    boolean reaches(float logProbability) {
        return logProbability >= least;
    }

    float fineness() {
        return finenessStated;
    }

    float maxStep() {
        return maxStepStated;
    }

    /** The nearest level, in √p above the knee and in log p below. */
    int depth(float logProbability) {
        requireInRange(logProbability);
        return depth(logProbability, Math.exp(0.5 * logProbability)); // semi-monotonic, as depths have to be
    }

    /** Returns {@link #depth(float)} of a value that is in range and the square root of whose probability is known. */
    int depth(float logProbability, double rootProbability) {
        return Math.max(0, (int) (unrounded(logProbability, rootProbability) + 0.5));
    }

    /** Refuses a log-probability that no level stands for. */
    void requireInRange(float logProbability) {
        if (!(logProbability <= MAX_LOG_PROBABILITY && logProbability >= least)) {
            throw new IllegalArgumentException(
                    "log-probability " + logProbability + " (expected: 0 down to " + least + " in compact precision)");
        }
    }

    /** Log-probability of a level, in nats. */
    float value(int depth) {
        return 2 * depth < levels.length ? levels[2 * depth] : (float) compute(depth);
    }

    /** Probability of a level. */
    float mass(int depth) {
        if (2 * depth < levels.length) {
            return levels[2 * depth + 1];
        }
        double root = (top - depth) * fineness / 2;
        return (float) ((top - depth) * maxStep >= 2 ? root * root : Math.exp(compute(depth)));
    }

    /** Values and masses of the first levels: those of depth d at 2d and 2d + 1. */
    float[] levels() {
        return levels;
    }

    /** Levels from √p = 1 to 0, were the grid curved all the way. */
    double levelsPerRoot() {
        return levelsPerRoot;
    }

    /** Depth before rounding. */
    double unrounded(double logProbability, double rootProbability) {
        return top - level(logProbability, rootProbability);
    }

    private double level(double logProbability, double rootProbability) {
        return logProbability > knee ? rootProbability * levelsPerRoot : (2 + logProbability - knee) * levelsPerNat;
    }

    private double compute(int depth) {
        double level = (double) top - depth;
        return level * maxStep >= 2 ? 2 * Math.log(level * fineness / 2) : knee + level * maxStep - 2;
    }
}
