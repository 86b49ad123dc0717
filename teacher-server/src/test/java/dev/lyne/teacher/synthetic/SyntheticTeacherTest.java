package dev.lyne.teacher.synthetic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SyntheticTeacherTest {
    /** Time that moves while one waits for it, and then a little too far. */
    private static final class LateClock implements Pacer.Clock {
        private final long lateNanos;
        private long now;

        LateClock(long lateNanos) {
            this.lateNanos = lateNanos;
        }

        @Override
        public long nanos() {
            return now;
        }

        @Override
        public void waitNanos(long nanos) {
            now += nanos + lateNanos;
        }
    }

    private static List<ScoreItem> items(int count, int tokens) {
        return Collections.nCopies(count, new ScoreItem(new int[tokens], new int[] {tokens - 1}));
    }

    @Test
    void score_timerThatIsLate_keepsTheConfiguredRate() {
        var clock = new LateClock(1_700_000);
        var settings = SyntheticSettings.parse("synthetic:tokens_per_second=50000,vocabulary=50");
        try (var teacher = new SyntheticTeacher("t", settings, false, clock)) {
            for (int batch = 0; batch < 1_000; batch++) {
                assertThat(teacher.score(items(4, 100), RowContent.topK(3))).hasSize(4);
            }
        }
        assertThat(1_000 * 4 * 100 / (clock.now / 1e9)).isEqualTo(50_000, within(50.0));
    }

    @Test
    void score_pastThePositionsSet_standsStillOnceForSoLong() {
        var clock = new LateClock(0);
        var settings =
                SyntheticSettings.parse("synthetic:tokens_per_second=0,vocabulary=50,stuck_after=3,stuck_seconds=90");
        try (var teacher = new SyntheticTeacher("t", settings, false, clock)) {
            teacher.score(items(3, 10), RowContent.topK(3));
            assertThat(clock.now).isZero();
            teacher.score(items(1, 10), RowContent.topK(3));
            assertThat(clock.now / 1e9).isEqualTo(90, within(0.1));
            teacher.score(items(1, 10), RowContent.topK(3));
            assertThat(clock.now / 1e9).isEqualTo(90, within(0.1));
        }
    }

    @Test
    void await_processThatWasStopped_doesNotCatchUp() {
        var clock = new LateClock(0);
        var pacer = new Pacer(clock);
        pacer.await(clock.now - 60_000_000_000L, 1_000_000);
        long start = clock.now;
        pacer.await(start, 100_000_000);
        assertThat(clock.now - start).isEqualTo(100_000_000);
    }

    @Test
    void batchNanos_halfBatch_runsAtHalfOfTheLimit() {
        var settings = SyntheticSettings.parse("synthetic:tokens_per_second=1000,half_batch=64");
        assertThat(settings.batchNanos(64)).isEqualTo(128_000_000);
        assertThat(settings.batchNanos(6_400)).isEqualTo(6_464_000_000L);
        assertThat(SyntheticSettings.parse("synthetic:tokens_per_second=0").batchNanos(64))
                .isZero();
    }

    @Test
    void description_costChanges_digestStaysAndSeedChangesIt() {
        byte[] digest = digest("synthetic:seed=4");
        assertThat(digest("synthetic:seed=4,tokens_per_second=7,half_batch=3")).isEqualTo(digest);
        assertThat(digest("synthetic:seed=5")).isNotEqualTo(digest);
        assertThat(digest("synthetic:seed=4,vocabulary=99")).isNotEqualTo(digest);
    }

    private static byte[] digest(String settings) {
        try (var teacher = new SyntheticTeacher("t", SyntheticSettings.parse(settings), false)) {
            return teacher.description().modelDigest();
        }
    }

    @Test
    void parse_unknownOrWrongPart_isNamed() {
        assertThatThrownBy(() -> SyntheticSettings.parse("synthetic:tokens=3"))
                .hasMessageContaining("tokens (expected: vocabulary=N");
        assertThatThrownBy(() -> SyntheticSettings.parse("synthetic:vocabulary=0"))
                .hasMessageContaining("vocabulary=0 (expected: 1..1048576)");
        assertThatThrownBy(() -> SyntheticSettings.parse("synthetic:seed=1.5"))
                .hasMessageContaining("seed=1.5 (expected: a whole number)");
        assertThatThrownBy(() -> SyntheticSettings.parse("synthetic:seed=1,seed=2"))
                .hasMessageContaining("seed=2 (expected: each once");
    }
}
