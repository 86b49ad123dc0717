package dev.lyne.teacher.synthetic;

import java.util.HashMap;
import java.util.Map;

/**
 * A distribution over ranks 0 … V−1 in the shape that language models have: p(r) ∝ (r + 1 + q)^−s (Zipf and Mandelbrot). Not safe for
 * several threads: one thread owns the teacher.
 */
final class RankLaw {
    private static final double SHIFT = 0.4;
    private static final int TABLE = 4_096;

    private final double exponent;
    private final double logNormaliser;
    private final float[] first; // log-probabilities of the first ranks, which most rows end with
    private final double[] tailMass; // [V + 1]: mass of the ranks from r on
    private final Map<Float, Float> offsets = new HashMap<>();
    private final Map<Float, double[]> tempered = new HashMap<>();
    private final Map<TopP, Integer> prefixes = new HashMap<>();

    private record TopP(double p, float temperature) {}

    RankLaw(double exponent, int vocabularySize) {
        this.exponent = exponent;
        this.logNormaliser = Math.log(sum(vocabularySize, exponent));
        this.first = new float[Math.min(TABLE, vocabularySize)];
        for (int rank = 0; rank < first.length; rank++) {
            first[rank] = (float) exact(rank);
        }
        this.tailMass = new double[vocabularySize + 1];
        for (int rank = vocabularySize - 1; rank >= 0; rank--) {
            tailMass[rank] = tailMass[rank + 1] + Math.exp(exact(rank));
        }
    }

    private static double sum(int vocabularySize, double exponent) {
        double sum = 0;
        for (int rank = vocabularySize - 1; rank >= 0; rank--) {
            sum += Math.pow(rank + 1 + SHIFT, -exponent);
        }
        return sum;
    }

    private double exact(int rank) {
        return -exponent * Math.log(rank + 1 + SHIFT) - logNormaliser;
    }

    /** Log-probability of a rank, nats. */
    float logProbability(int rank) {
        return rank < first.length ? first[rank] : (float) exact(rank);
    }

    /** Probability of a rank. */
    double probability(int rank) {
        return Math.exp(exact(rank));
    }

    /** Log of the mass of all ranks from this one on; −∞ past the last. */
    float logTailMass(int fromRank) {
        return (float) Math.min(0, Math.log(tailMass[fromRank]));
    }

    /** c_τ = −log Σ p^(1/τ). */
    float offset(float temperature) {
        return offsets.computeIfAbsent(temperature, t ->
                (float) (logNormaliser / t - Math.log(sum(tailMass.length - 1, exponent / t))));
    }

    /** Mass at a temperature of the ranks {@code [from, to)}. */
    double mass(int from, int to, float temperature) {
        double[] sums = tempered.computeIfAbsent(temperature, this::sums);
        return Math.max(0, sums[from] - sums[Math.max(from, to)]);
    }

    /** Mass at a temperature of the ranks from each on, `[V + 1]`. */
    private double[] sums(float temperature) {
        double[] sums = new double[tailMass.length];
        double offset = offset(temperature);
        for (int rank = sums.length - 2; rank >= 0; rank--) {
            sums[rank] = sums[rank + 1] + Math.exp(exact(rank) / temperature + offset);
        }
        return sums;
    }

    /** The least number of ranks whose probability at that temperature reaches p − 1e-12. */
    int prefix(double p, float temperature) {
        return prefixes.computeIfAbsent(new TopP(p, temperature), this::count);
    }

    private int count(TopP wanted) {
        double power = exponent / wanted.temperature();
        double all = sum(tailMass.length - 1, power);
        double mass = 0;
        int rank = 0;
        while (rank < tailMass.length - 1 && mass / all < wanted.p() - 1e-12) {
            mass += Math.pow(rank + 1 + SHIFT, -power);
            rank++;
        }
        return Math.max(rank, 1);
    }

    /**
     * The rank at which the mass that follows it falls to {@code uniform} of the mass from {@code fromRank} on: a draw from those
     * ranks where {@code uniform} is uniform in [0, 1).
     */
    int draw(int fromRank, double uniform) {
        double left = uniform * tailMass[fromRank];
        int low = fromRank; // tailMass[low] > left, or low is the first
        int high = tailMass.length - 1; // tailMass[high] <= left
        while (high - low > 1) {
            int middle = (low + high) >>> 1;
            if (tailMass[middle] > left) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
