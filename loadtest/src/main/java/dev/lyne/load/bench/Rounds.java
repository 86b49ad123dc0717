package dev.lyne.load.bench;

import java.util.Arrays;

/** Figures of repeated rounds. */
final class Rounds {
    private Rounds() {}

    /** The median; of two middle values their mean. */
    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** Medians of the ratios of two interleaved series, round by round. */
    static double medianRatio(double[] numerators, double[] denominators) {
        double[] ratios = new double[numerators.length];
        Arrays.setAll(ratios, round -> numerators[round] / denominators[round]);
        return median(ratios);
    }
}
