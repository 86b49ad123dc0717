package dev.lyne.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.student.client.RowSource;
import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.Targets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class TallyTest {
    private static Targets targets(RowSource source) {
        TargetSequence sequence = TargetSequence.whole(0, new int[] {1, 2, 3});
        return new Targets(
                sequence,
                sequence.positions(),
                1,
                new int[] {1, 1},
                new int[] {2, 3},
                new float[2],
                new float[2],
                new float[2],
                List.of(),
                new float[0],
                Map.of(source, 2),
                100);
    }

    @Test
    void report_twoTallies_sumsThemAndMergesLatencies() {
        Tally one = new Tally();
        Tally two = new Tally();
        for (int millis = 1; millis <= 100; millis++) {
            (millis % 2 == 0 ? one : two)
                    .answered(targets(millis % 4 == 0 ? RowSource.MEMORY : RowSource.COMPUTED), millis * 1_000_000L);
        }
        two.failed();
        Tally total = new Tally();
        total.add(one);
        total.add(two);
        LoadReport report = total.report(2, 10);
        assertThat(report.sequences()).isEqualTo(100);
        assertThat(report.failedSequences()).isEqualTo(1);
        assertThat(report.positionsPerSecond()).isEqualTo(20);
        assertThat(report.bytesPerPosition()).isEqualTo(50);
        assertThat(report.hitRatio()).isCloseTo(.25, within(1e-12));
        assertThat(report.latencyMillis().get("p50")).isCloseTo(50, within(.2));
        assertThat(report.latencyMillis().get("p99")).isCloseTo(99, within(.2));
        assertThat(report.latencyMillis().get("max")).isCloseTo(100, within(.2));
    }
}
