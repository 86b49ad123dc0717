package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class RowToleranceTest {
    /** A teacher that knows its tails to 1e-5 may say of a token left out more than of the tail, by no more than that. */
    @Test
    void labelLeftOut_beyondTheTail_isWithinTheTeachersTailErrorAlone() {
        float tail = (float) Math.log(1e-6);
        float label = (float) Math.log(8e-6);
        assertThat(RowTolerance.EXACT.isWithin(label, tail, 0)).isFalse();
        assertThat(RowTolerance.EXACT.isWithin(label, tail, 1e-5)).isTrue();
        assertThat(RowTolerance.EXACT.isWithin((float) Math.log(2e-5), tail, 1e-5))
                .isFalse();
    }
}
