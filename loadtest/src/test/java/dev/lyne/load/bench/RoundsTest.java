package dev.lyne.load.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class RoundsTest {
    @Test
    void median_oddAndEven_isTheMiddle() {
        assertThat(Rounds.median(new double[] {3, 1, 2})).isEqualTo(2);
        assertThat(Rounds.median(new double[] {4, 1, 3, 2})).isEqualTo(2.5);
    }

    @Test
    void medianRatio_isOfPairsNotOfMedians() {
        assertThat(Rounds.medianRatio(new double[] {1, 10, 100}, new double[] {1, 20, 50}))
                .isEqualTo(1);
    }

    /** The median is below the r-th smallest of n where fewer than r fall below it: a binomial count of n fair coins. */
    @Test
    void medianRatioInterval_holdsTheMedianWith95Percent() {
        for (int n = 6; n <= 400; n++) {
            double[] ones = new double[n];
            double[] shuffled = new double[n];
            for (int i = 0; i < n; i++) {
                ones[i] = 2;
                shuffled[(int) (i * 401L % n)] = 2 * i;
            }
            double[] interval = Rounds.medianRatioInterval(shuffled, ones);
            int rank = (int) interval[0] + 1;
            assertThat(interval[1]).isEqualTo(n - rank);
            assertThat(1 - 2 * fewerHeads(n, rank))
                    .as("%d rounds, rank %d", n, rank)
                    .isGreaterThanOrEqualTo(0.95);
            assertThat(1 - 2 * fewerHeads(n, rank + 2))
                    .as("%d rounds, two ranks on", n)
                    .isLessThan(0.96);
        }
    }

    /** Probability of fewer than so many heads. */
    private static double fewerHeads(int n, int heads) {
        double term = Math.pow(0.5, n);
        double sum = 0;
        for (int i = 0; i < heads; i++) {
            sum += term;
            term *= (double) (n - i) / (i + 1);
        }
        return sum;
    }
}
