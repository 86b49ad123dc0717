package dev.lyne.teacher.batch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class FittedSizesTest {
    private final FittedSizes fitted = new FittedSizes();

    @Test
    void contains_noLargerInBothThanOneOfThem_isTrue() {
        assertThat(fitted.contains(0, 0)).isFalse();
        fitted.add(100, 5);
        fitted.add(10, 50);
        assertThat(fitted.contains(100, 5)).isTrue();
        assertThat(fitted.contains(9, 50)).isTrue();
        assertThat(fitted.contains(11, 6)).isFalse();
        assertThat(fitted.contains(101, 1)).isFalse();
    }

    @Test
    void add_moreThanAreKept_forgetsTheOldest() {
        for (int i = 0; i < 40; i++) {
            fitted.add(100 + i, 100 - i);
        }
        assertThat(fitted.contains(100, 100)).isFalse();
        assertThat(fitted.contains(139, 61)).isTrue();
        fitted.add(1_000, 1_000);
        assertThat(fitted.contains(100, 100)).isTrue();
    }
}
