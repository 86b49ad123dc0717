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

    @Test
    void medianRatioInterval_isTheOrderStatisticsAroundTheMiddle() {
        double[] ones = new double[100];
        double[] ratios = new double[100];
        for (int i = 0; i < 100; i++) {
            ones[i] = 2;
            ratios[i] = 2 * ((i * 37) % 100);
        }
        // 50 ± 9.8 of 0..99, from below: the 41st smallest, and as far from above.
        assertThat(Rounds.medianRatioInterval(ratios, ones)).containsExactly(40, 59);
        assertThat(Rounds.medianRatioInterval(new double[] {3, 1, 2}, new double[] {1, 1, 1}))
                .containsExactly(1, 3);
    }
}
