package dev.lyne.wire.draw;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The uniform numbers that both ends compute. */
final class SeededUniformsTest {
    @Test
    void at_sameSeedKeyAndStep_isTheGoldenNumber() {
        assertThat(SeededUniforms.TEACHER_DRAW.at(7, 11, 0)).isEqualTo(0.641854079677166);
        assertThat(SeededUniforms.TEACHER_DRAW.at(7, 11, 300)).isEqualTo(0.40534781968645084);
        assertThat(SeededUniforms.TEACHER_DRAW.bits(7, 11, 0) * 0x1p-53).isEqualTo(0.641854079677166);
        assertThat(SeededUniforms.STUDENT_COIN.at(7, 11, 0)).isEqualTo(0.8387403933792134);
        assertThat(SeededUniforms.STUDENT_DRAW.at(-1, Long.MIN_VALUE, 5)).isEqualTo(0.39751037863281236);
    }

    @Test
    void at_anyArgumentDiffers_isAnotherNumber() {
        Set<Double> seen = new HashSet<>();
        for (SeededUniforms purpose : SeededUniforms.values()) {
            for (long seed = 0; seed < 4; seed++) {
                for (long key = 0; key < 4; key++) {
                    for (long step = 0; step < 4; step++) {
                        double uniform = purpose.at(seed, key, step);
                        assertThat(uniform).isBetween(0.0, Math.nextDown(1.0));
                        assertThat(seen.add(uniform)).isTrue();
                    }
                }
            }
        }
    }
}
