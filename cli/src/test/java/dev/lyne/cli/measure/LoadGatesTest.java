package dev.lyne.cli.measure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.result.Histograms;
import dev.lyne.load.result.LoadResult;
import dev.lyne.load.result.StepResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

final class LoadGatesTest {
    private static StepResult step(String label, long answered, long failed, double millis) {
        Histogram latency = new Histogram(3);
        latency.recordValueWithCount((long) (millis * 1e3), answered);
        return StepResult.of(new StepResult.Counted(
                label,
                1,
                0,
                new StepResult.Due(answered + failed, failed, 0),
                Map.of("computed", answered * 10),
                new StepResult.Interruptions(
                        failed == 0 ? Map.of() : Map.of("SEQUENCE_TOO_LONG", failed),
                        failed == 0 ? Map.of() : Map.of("SEQUENCE_TOO_LONG", "token_ids: 9999 (expected: 1..512)"),
                        0),
                0.1,
                Map.of(),
                List.of(new StepResult.IntervalResult(
                        1, answered, answered * 10, answered * 100, Histograms.write(latency))),
                Histograms.write(new Histogram(3))));
    }

    private static List<String> missed(LoadResult result, String... options) {
        return CommandLine.populateCommand(new LoadGates(), options).missed(result);
    }

    private static LoadResult result(String saturatedAt, StepResult... steps) {
        return new LoadResult(
                LoadResult.FORMAT, Map.of(), "demo", "2026-01-01T00:00:00Z", 1, saturatedAt, List.of(steps));
    }

    @Test
    void missed_nothingAnswered_saysSoInTheServersWords() {
        assertThat(missed(result("", step("1 student", 0, 3_619, 0))))
                .containsExactly("nothing was answered; SEQUENCE_TOO_LONG: token_ids: 9999 (expected: 1..512)");
    }

    @Test
    void missed_moreFailuresThanTheBound_isTold() {
        LoadResult result = result("", step("1 student", 98, 2, 5));
        assertThat(missed(result))
                .containsExactly("2.00 % of the sequences failed or stayed unanswered (expected: at most 1 %,"
                        + " --max-failures); SEQUENCE_TOO_LONG: token_ids: 9999 (expected: 1..512)");
        assertThat(missed(result, "--max-failures", "2%")).isEmpty();
        assertThat(missed(result, "--max-failures", "0.02")).isEmpty();
        assertThat(missed(result("", step("1 student", 99, 1, 5)))).isEmpty();
        assertThat(missed(result("", step("1 student", 99, 1, 5)), "--max-failures", "0"))
                .hasSize(1);
    }

    @Test
    void missed_stepThatAnsweredNothing_missesItsLatencyToo() {
        LoadResult result = result("", step("1 student", 100, 0, 5), step("2 students", 0, 0, 0));
        assertThat(missed(result, "--max-p99-ms", "10"))
                .containsExactly("2 students: no latency, since nothing was answered"
                        + " (expected: at most 10.0 ms, --max-p99-ms)");
    }

    @Test
    void missed_gatesOfLatencyAndThroughput_countEachStepAndTheBest() {
        List<StepResult> steps = new ArrayList<>(List.of(step("1 student", 100, 0, 5), step("2 students", 150, 0, 9)));
        LoadResult result = result("", steps.toArray(StepResult[]::new));
        assertThat(missed(result, "--max-p99-ms", "10", "--min-positions-per-second", "1500"))
                .isEmpty();
        assertThat(missed(result, "--max-p99-ms", "7", "--min-positions-per-second", "1501"))
                .containsExactly(
                        "2 students: p99 latency 9.0 ms (expected: at most 7.0, --max-p99-ms)",
                        "1,500 positions/s at the best step (expected: at least 1,501, --min-positions-per-second)");
        LoadResult ramp = result("2 students", steps.toArray(StepResult[]::new));
        assertThat(missed(ramp, "--max-p99-ms", "7"))
                .as("a ramp's saturated step")
                .isEmpty();
    }
}
