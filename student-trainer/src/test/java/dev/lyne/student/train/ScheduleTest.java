package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ScheduleTest {
    private static double[] values(Schedule schedule, long steps) {
        return LongStream.rangeClosed(1, steps).mapToDouble(schedule::at).toArray();
    }

    @Test
    void at_constant_risesAndStays() {
        Schedule schedule = new Schedule("constant", 2, 0, 4, 0, 0, 100);
        assertThat(values(schedule, 6)).containsExactly(0.5, 1, 1.5, 2, 2, 2);
        assertThat(Schedule.constant(0.3).at(7)).isEqualTo(0.3);
    }

    @Test
    void at_linear_isAStraightLineBetweenTheEnds() {
        assertThat(values(new Schedule("linear_up", 1, 0.2, 0, 0, 0, 4), 5))
                .containsExactly(new double[] {0.4, 0.6, 0.8, 1, 1}, within(1e-12));
        assertThat(values(new Schedule("linear_down", 1, 0, 2, 0, 0, 6), 7))
                .containsExactly(new double[] {0.5, 1, 0.75, 0.5, 0.25, 0, 0}, within(1e-12));
    }

    @Test
    void at_cosine_comesDownToTheFloor() {
        Schedule schedule = new Schedule("cosine", 1, 0.1, 2, 0, 0, 12);
        assertThat(schedule.at(1)).isEqualTo(0.5);
        assertThat(schedule.at(2)).isEqualTo(1.0);
        assertThat(schedule.at(7)).isEqualTo(0.55, within(1e-12));
        assertThat(schedule.at(12)).isEqualTo(0.1, within(1e-12));
        assertThat(schedule.at(500)).isEqualTo(0.1, within(1e-12));
    }

    @Test
    void at_wsd_isStableUntilTheDecay() {
        Schedule schedule = new Schedule("wsd", 1, 0, 2, 4, 0, 10);
        assertThat(values(schedule, 11))
                .containsExactly(
                        new double[] {0.5, 1, 1, 1, 1, 1, 0.8535533906, 0.5, 0.1464466094, 0, 0}, within(1e-9));
    }

    /** Step i of n after w of warm-up: progress (i − w − 1)/(n − w); in wsd's decay of d, (i − (n − d) − 1)/d. */
    @Test
    void learningRateAt_everyKind_learnsAtTheLastStep() {
        Schedule cosine = new Schedule("cosine", 1, 0, 2, 0, 0, 6);
        assertThat(LongStream.rangeClosed(1, 6)
                        .mapToDouble(cosine::learningRateAt)
                        .toArray())
                .containsExactly(
                        new double[] {
                            0.5,
                            1,
                            1,
                            0.5 * (1 + Math.cos(Math.PI / 4)),
                            0.5 * (1 + Math.cos(Math.PI / 2)),
                            0.5 * (1 + Math.cos(Math.PI * 3 / 4))
                        },
                        within(1e-12));
        Schedule down = new Schedule("linear_down", 1, 0, 0, 0, 0, 4);
        assertThat(LongStream.rangeClosed(1, 4)
                        .mapToDouble(down::learningRateAt)
                        .toArray())
                .containsExactly(new double[] {1, 0.75, 0.5, 0.25}, within(1e-12));
        Schedule wsd = new Schedule("wsd", 1, 0, 1, 2, 0, 5);
        assertThat(LongStream.rangeClosed(1, 5).mapToDouble(wsd::learningRateAt).toArray())
                .containsExactly(new double[] {1, 1, 1, 1, 0.5}, within(1e-12));
        Schedule up = new Schedule("linear_up", 1, 0, 0, 0, 0, 4);
        assertThat(LongStream.rangeClosed(1, 4).mapToDouble(up::learningRateAt).toArray())
                .containsExactly(new double[] {0.25, 0.5, 0.75, 1}, within(1e-12));
    }

    @ParameterizedTest
    @ValueSource(strings = {"constant", "linear_up", "linear_down", "cosine", "wsd", "periodic"})
    void learningRateAt_oneStepAlone_isAllOfIt(String kind) {
        StepCount tenth = new StepCount(0, 0.1);
        StepCount none = new StepCount(0, 0);
        var settings = new ScheduleSettings(
                ScheduleSettings.LEARNING_RATE,
                kind,
                0.3,
                0,
                kind.equals("linear_up") ? none : tenth,
                kind.equals("wsd") ? tenth : none,
                kind.equals("periodic") ? tenth : none);
        settings.requireFits(1);
        assertThat(settings.over(1).learningRateAt(1)).isEqualTo(0.3);
    }

    @Test
    void roundedDown_aShare_isNeverAStepMore() {
        assertThat(new StepCount(0, 0.1).roundedDown(1)).isZero();
        assertThat(new StepCount(0, 0.1).roundedDown(19)).isEqualTo(1);
        assertThat(new StepCount(0, 0.29).roundedDown(100)).isEqualTo(29);
        assertThat(new StepCount(7, 0).roundedDown(100)).isEqualTo(7);
    }

    @Test
    void at_periodic_isHighAndLowByTurns() {
        assertThat(values(new Schedule("periodic", 1, 0.25, 1, 0, 4, 10), 10))
                .containsExactly(1, 1, 1, 0.25, 0.25, 1, 1, 0.25, 0.25, 1);
        assertThat(values(new Schedule("periodic", 1, 0, 0, 0, 3, 10), 6)).containsExactly(1, 1, 0, 1, 1, 0);
    }

    @Test
    void new_outOfRange_isRefused() {
        assertThatThrownBy(() -> new Schedule("step", 1, 0, 0, 0, 0, 1))
                .hasMessage("schedule: step (expected: constant, linear_up, linear_down, cosine, wsd, periodic)");
        assertThatThrownBy(() -> new Schedule("cosine", 1, 2, 0, 0, 0, 1))
                .hasMessage("low: 2.0 (expected: 0..high=1.0)");
        assertThatThrownBy(() -> new Schedule("cosine", Double.NaN, 0, 0, 0, 0, 1))
                .hasMessage("high: NaN (expected: finite, 0 or more)");
        assertThatThrownBy(() -> new Schedule("cosine", 1, 0, 5, 0, 0, 5))
                .hasMessage("total_steps: 5 (expected: at least 6)");
        assertThatThrownBy(() -> new Schedule("wsd", 1, 0, 0, 0, 0, 5))
                .hasMessage("decay_steps: 0 (expected: at least 1)");
        assertThatThrownBy(() -> new Schedule("linear_up", 1, 0, 2, 0, 0, 5))
                .hasMessage("warmup_steps: 2 (expected: 0 with linear_up, which rises all along)");
        assertThatThrownBy(() -> new Schedule("periodic", 1, 0, 0, 0, 1, 5))
                .hasMessage("period: 1 (expected: at least 2)");
    }
}
