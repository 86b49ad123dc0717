package dev.lyne.student.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class TaidStateTest {
    @Test
    void stepped_fallingLoss_movesAheadOfTheStraightLineAndEndsAtTheTeacher() {
        TaidState progress = new TaidState(0.4, 100);
        assertThat(lambda(progress)).isEqualTo(0.4);
        assertThat(progress.saved()).isEmpty();
        progress.stepped(step(1, 2.0));
        assertThat(lambda(progress)).as("nothing to compare with").isEqualTo(0.4);
        progress.stepped(step(2, 1.0));
        assertThat(lambda(progress)).isEqualTo(0.4 + 0.6 * 2 / 100, within(1e-12));
        TaidState slow = new TaidState(0.4, 1_000_000);
        slow.stepped(step(1, 2.0));
        slow.stepped(step(2, 1.0));
        double momentum = 0.01 * 0.5;
        assertThat(lambda(slow)).isEqualTo(0.4 + 5e-4 / (1 + Math.exp(-momentum)) * 0.6, within(1e-12));
        TaidState restored = new TaidState(0.4, 1_000_000);
        restored.restore(slow.saved());
        restored.stepped(step(3, 0.9));
        slow.stepped(step(3, 0.9));
        assertThat(lambda(restored)).isEqualTo(lambda(slow));
        progress.stepped(step(100, 0.5));
        assertThat(lambda(progress)).isEqualTo(1);
    }

    @Test
    void restore_withoutOneOfItsNumbers_isRefusedByName() {
        assertThatThrownBy(() -> new TaidState(0.4, 9).restore(Map.of("taid.lambda", 0.5)))
                .hasMessage("taid.momentum: absent (expected: as a checkpoint keeps it)");
    }

    private static double lambda(TaidState state) {
        return state.values().getOrDefault("taid_lambda", Double.NaN);
    }

    private static LossState.Step step(long number, double divergence) {
        return new LossState.Step(number, 0, divergence);
    }
}
