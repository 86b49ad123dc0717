package dev.lyne.wire;

/**
 * Two sums of exponentials, of exact logarithms and of rounded ones, relative to the greatest of them, since all may be too small for a
 * number. Owned by one thread.
 */
final class TailSums {
    private double greatest = Double.NEGATIVE_INFINITY;
    private double exact;
    private double rounded;

    /** Adds a term of both sums. */
    void add(double logExact, double logRounded) {
        double highest = Math.max(logExact, logRounded);
        if (highest > greatest) {
            double scale = FastExp.exp(greatest - highest);
            exact *= scale;
            rounded *= scale;
            greatest = highest;
        }
        exact += FastExp.exp(logExact - greatest);
        rounded += FastExp.exp(logRounded - greatest);
    }

    /** Log of the sum of the rounded terms; −∞ of none. */
    double logRounded() {
        return rounded == 0 ? Double.NEGATIVE_INFINITY : greatest + Math.log(rounded);
    }

    /** Log of the sum of the rounded terms over that of the exact ones. */
    double logRatio() {
        return Math.log(rounded / exact);
    }
}
