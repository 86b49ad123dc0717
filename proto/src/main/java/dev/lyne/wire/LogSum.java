package dev.lyne.wire;

/**
 * The logarithm of a sum of exponentials, each relative to the greatest so far, since all may be too small for a number. Owned by one
 * thread.
 */
final class LogSum {
    private double greatest;
    private double sum;

    /** Begins with one term. */
    LogSum(double first) {
        greatest = first;
        sum = first == Double.NEGATIVE_INFINITY ? 0 : 1;
    }

    /** Adds a term, given as its logarithm, which is finite. */
    void add(double log) {
        if (log > greatest) {
            sum = sum * FastExp.exp(greatest - log) + 1;
            greatest = log;
        } else {
            sum += FastExp.exp(log - greatest);
        }
    }

    /** Log of the sum; −∞ of none. */
    double log() {
        return sum == 0 ? Double.NEGATIVE_INFINITY : greatest + Math.log(sum);
    }
}
