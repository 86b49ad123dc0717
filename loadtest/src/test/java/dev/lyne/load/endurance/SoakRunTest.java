package dev.lyne.load.endurance;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class SoakRunTest {
    private static final HeldResources IDLE = new HeldResources(40, 120, 0, 0, 0, 75);

    private static List<String> shortfalls(
            double growth, HeldResources before, HeldResources after, long misses, long wrong) {
        return SoakRun.judged(new SoakRun.Result(
                        30,
                        5,
                        700,
                        700 * (1 + growth),
                        growth,
                        before,
                        after,
                        Map.of("misses", misses),
                        9,
                        wrong,
                        List.of()))
                .shortfalls();
    }

    @Test
    void soak_nothingLeftOver_holds() {
        assertThat(shortfalls(0.029, IDLE, new HeldResources(44, 124, 0, 0, 0, 75), 5, 0))
                .isEmpty();
    }

    @Test
    void soak_eachThingLeftOver_fallsShort() {
        assertThat(shortfalls(0.031, IDLE, IDLE, 5, 0))
                .containsExactly("resident memory grew by 3.1 % (expected: below 3)");
        assertThat(shortfalls(0, IDLE, new HeldResources(45, 120, 0, 0, 0, 75), 5, 0))
                .hasSize(1);
        assertThat(shortfalls(0, IDLE, new HeldResources(40, 125, 0, 0, 0, 75), 5, 0))
                .hasSize(1);
        assertThat(shortfalls(0, IDLE, new HeldResources(40, 120, 1, 0, 0, 75), 5, 0))
                .hasSize(1);
        assertThat(shortfalls(0, IDLE, new HeldResources(40, 120, 0, 0, 0, 76), 5, 0))
                .containsExactly("native arrays: 76, 75 before (expected: at most 0 more)");
        assertThat(shortfalls(0, IDLE, IDLE, 0, 0)).containsExactly("misses: none (expected: at least one)");
        assertThat(shortfalls(0, IDLE, IDLE, 5, 1)).containsExactly("1 wrong rows of 9 (expected: 0 of at least 1)");
    }
}
