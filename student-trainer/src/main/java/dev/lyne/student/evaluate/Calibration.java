package dev.lyne.student.evaluate;

/**
 * Expected calibration error as it streams by: Σ_bins |hits − Σ confidence| / n, over bins of equal width (Guo et al., arXiv
 * 1706.04599, equation 3). One thread uses it.
 */
final class Calibration {
    private static final int BINS = 15;

    private final double[] confidence = new double[BINS];
    private final long[] hits = new long[BINS];
    private long count;
    private long allHits;

    void add(double probability, boolean hit) {
        int bin = Math.min(BINS - 1, (int) (probability * BINS));
        confidence[bin] += probability;
        hits[bin] += hit ? 1 : 0;
        allHits += hit ? 1 : 0;
        count++;
    }

    double error() {
        double sum = 0;
        for (int bin = 0; bin < BINS; bin++) {
            sum += Math.abs(hits[bin] - confidence[bin]);
        }
        return sum / count;
    }

    double accuracy() {
        return (double) allHits / count;
    }
}
