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
}
