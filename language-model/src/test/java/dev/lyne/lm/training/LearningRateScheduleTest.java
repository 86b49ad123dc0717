package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

final class LearningRateScheduleTest {
    @Test
    void at_warmup_risesInAStraightLine() {
        for (String name : new String[] {"constant", "cosine", "wsd"}) {
            LearningRateSchedule schedule = LearningRateSchedule.of(name, 0.4, 0.04, 10, 20, 100);
            assertThat(schedule.at(1)).as(name).isCloseTo(0.04, within(1e-15));
            assertThat(schedule.at(5)).as(name).isCloseTo(0.2, within(1e-15));
            assertThat(schedule.at(10)).as(name).isCloseTo(0.4, within(1e-15));
        }
    }

    @Test
    void at_constantAfterWarmup_stays() {
        assertThat(LearningRateSchedule.of("constant", 0.4, 0, 10, 1, 100).at(1_000))
                .isEqualTo(0.4);
        assertThat(LearningRateSchedule.of("constant", 0.4, 0, 0, 1, 100).at(1)).isEqualTo(0.4);
    }

    @Test
    void at_cosine_endsAtTheFloor() {
        LearningRateSchedule schedule = LearningRateSchedule.of("cosine", 0.4, 0.04, 10, 1, 110);
        assertThat(schedule.at(60)).isCloseTo(0.22, within(1e-12));
        assertThat(schedule.at(35)).isCloseTo(0.04 + 0.36 * (1 + Math.sqrt(0.5)) / 2, within(1e-12));
        assertThat(schedule.at(110)).isCloseTo(0.04, within(1e-15));
        assertThat(schedule.at(500)).isCloseTo(0.04, within(1e-15));
    }

    @Test
    void at_wsd_staysThenDecays() {
        LearningRateSchedule schedule = LearningRateSchedule.of("wsd", 0.4, 0, 10, 20, 100);
        assertThat(schedule.at(11)).isEqualTo(0.4);
        assertThat(schedule.at(80)).isEqualTo(0.4);
        assertThat(schedule.at(90)).isCloseTo(0.2, within(1e-12));
        assertThat(schedule.at(100)).isCloseTo(0, within(1e-15));
        assertThat(schedule.at(101)).isCloseTo(0, within(1e-15));
    }

    @Test
    void of_settingThatMakesNoSense_isRefused() {
        refused("linear", 0.1, 0, 1, 1, 10, "schedule: linear (expected: constant, cosine or wsd)");
        refused("cosine", 0, 0, 1, 1, 10, "rate: 0.0 (expected: finite, above 0)");
        refused("cosine", 0.1, 0.2, 1, 1, 10, "floor: 0.2 (expected: 0..rate=0.1)");
        refused("cosine", 0.1, 0, 10, 1, 10, "total_steps: 10 (expected: at least 11)");
        refused("wsd", 0.1, 0, 5, 6, 10, "total_steps: 10 (expected: at least 11)");
        refused("wsd", 0.1, 0, -1, 6, 10, "warmup_steps: -1 (expected: at least 0)");
    }

    private static void refused(
            String name, double rate, double floor, long warmup, long decay, long total, String message) {
        assertThatThrownBy(() -> LearningRateSchedule.of(name, rate, floor, warmup, decay, total))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }
}
