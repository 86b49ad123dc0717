package dev.lyne.load.bench;

import java.util.Arrays;

/** Figures of repeated rounds. */
public final class Rounds {
    private Rounds() {}

    /** The median; of two middle values their mean. */
    public static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** Median of the ratios of two interleaved series, round by round. */
    public static double medianRatio(double[] numerators, double[] denominators) {
        return median(ratios(numerators, denominators));
    }

    /**
     * Where the median of those ratios lies with a confidence of 95 % or more: the order statistics of rank ⌊n/2 − 0.98·√n⌋ from
     * below and from above (0.98: half of 1.96 standard deviations of a binomial count; Conover, Practical Nonparametric Statistics).
     * With fewer than nine rounds they are the smallest and the largest, and with fewer than six the confidence is lower.
     */
    public static double[] medianRatioInterval(double[] numerators, double[] denominators) {
        double[] sorted = ratios(numerators, denominators);
        Arrays.sort(sorted);
        int rank = (int) Math.max(1, Math.floor(sorted.length / 2.0 - 0.98 * Math.sqrt(sorted.length)));
        return new double[] {sorted[rank - 1], sorted[sorted.length - rank]};
    }

    private static double[] ratios(double[] numerators, double[] denominators) {
        double[] ratios = new double[numerators.length];
        Arrays.setAll(ratios, round -> numerators[round] / denominators[round]);
        return ratios;
    }
}
