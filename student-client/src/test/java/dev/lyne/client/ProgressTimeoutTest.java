package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How long a stream waits, and what it says meanwhile. Time is a number. */
final class ProgressTimeoutTest {
    private static final Duration RETRY = Duration.ofSeconds(60);
    private static final Duration STUCK = Duration.ofSeconds(20);

    private final List<String> lines = new ArrayList<>();
    private final ProgressTimeout timeout = new ProgressTimeout(ClientOptions.builder()
            .retryFor(RETRY)
            .stuckFor(STUCK)
            .listener(lines::add)
            .build());

    @Test
    void isOver_nothingMoves_afterTheRetryTime() {
        timeout.begin(seconds(5));
        assertThat(timeout.endNanos()).isEqualTo(seconds(65));
        assertThat(timeout.isOver(seconds(65) - 1)).isFalse();
        assertThat(timeout.isOver(seconds(65))).isTrue();
        assertThat(timeout.withoutRows(seconds(65))).isEqualTo(RETRY);
    }

    @Test
    void isOver_deviceWorksForOthersAlone_afterTenTimesTheRetryTime() {
        timeout.begin(0);
        for (int second = 10; second < 600; second += 10) {
            timeout.progressed(seconds(second));
            assertThat(timeout.isOver(seconds(second))).isFalse();
        }
        assertThat(timeout.isOver(seconds(600))).isTrue();
        timeout.progressed(seconds(600));
        assertThat(timeout.isOver(seconds(600))).isTrue();
        assertThat(timeout.withoutRows(seconds(600))).isEqualTo(RETRY.multipliedBy(10));
    }

    @Test
    void slept_afterLongerThanTheRetryTime_waitsAfresh() {
        timeout.begin(0);
        timeout.slept(seconds(130));
        assertThat(timeout.isOver(seconds(131))).isFalse();
        assertThat(timeout.awokeNanos()).isEqualTo(seconds(130));
        assertThat(timeout.isOver(seconds(190))).isTrue();
    }

    @Test
    void tell_againAndAgain_saysSoAfterTenSecondsAndThenMoreAndMoreRarely() {
        timeout.begin(0);
        timeout.waits(0);
        List<Integer> told = new ArrayList<>();
        for (int second = 0; second < 300; second++) {
            if (timeout.isLineDue(seconds(second))) {
                timeout.tell(seconds(second), "its device is stuck");
                told.add(second);
            }
        }
        assertThat(told).containsExactly(10, 21, 41, 81, 141, 201, 261);
        assertThat(lines).first().isEqualTo("waiting for the teacher for 10 s (for 60 s at most): its device is stuck");
    }

    @Test
    void isLineDue_studentDoesNotWait_neverIs() {
        timeout.begin(0);
        assertThat(timeout.isLineDue(seconds(1_000))).isFalse();
        timeout.waits(seconds(1_000));
        timeout.waitsNoMore();
        assertThat(timeout.isLineDue(seconds(2_000))).isFalse();
    }

    @Test
    void rowsCame_afterALine_saysThatTheyComeAgainOnce() {
        timeout.begin(0);
        timeout.waits(0);
        timeout.tell(seconds(10), "none answers");
        timeout.rowsCame(seconds(11));
        timeout.rowsCame(seconds(12));
        assertThat(lines).hasSize(2).last().isEqualTo("rows come again");
        assertThat(timeout.isOver(seconds(12 + 59))).isFalse();
    }

    private static long seconds(long seconds) {
        return seconds * 1_000_000_000L;
    }
}
