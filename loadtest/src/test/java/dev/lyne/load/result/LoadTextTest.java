package dev.lyne.load.result;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class LoadTextTest {
    private static String text(double offered, Map<String, Long> refusals) {
        StepResult step = new StepResult(
                "2 students",
                2,
                offered,
                4,
                new StepResult.SequenceCounts(10, 8, 1, 1),
                new StepResult.Answered(
                        2_000,
                        100_000,
                        500,
                        2,
                        25_000,
                        50,
                        0.75,
                        new TreeMap<>(Map.of("computed", 500L, "memory", 1_500L))),
                new StepResult.Interruptions(
                        refusals,
                        refusals.isEmpty() ? Map.of() : Map.of("RESOURCE_EXHAUSTED", "queue: 9 (expected: at most 8)"),
                        3),
                new StepResult.Timing(new TreeMap<>(Map.of("p50", 16.74, "p99", 183.92)), Map.of("p99", 0.26)),
                0.01,
                Map.of("lyne_teacher_unsent_bytes", 7.0),
                List.of(),
                "");
        var bytes = new ByteArrayOutputStream();
        LoadText.print(new PrintStream(bytes, true, StandardCharsets.UTF_8), step);
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void print_closedLoop_namesEachFigureAndItsParts() {
        assertThat(text(0, Map.of()))
                .startsWith("2 students, 4.0 s\n")
                .contains("hit ratio         0.750 (computed 500, memory 1,500)\n")
                .contains("latency, ms       p50 16.7, p99 183.9\n")
                .contains("generator CPU     0.01 s, 5.000 s a million positions\n")
                .contains("1 failed, 1 unanswered, 3 reconnects, refused: none\n")
                .contains("lyne_teacher_unsent_bytes 7 (mean)\n")
                .doesNotContain("lag");
    }

    @Test
    void print_openLoop_saysWhatWasOfferedAndRefused() {
        assertThat(text(2.5, Map.of("RESOURCE_EXHAUSTED", 12L)))
                .contains("sequences/s       2.5 offered, 10 due, 2.0 answered\n")
                .contains("generator lag, ms p99 0.3\n")
                .contains("refused: RESOURCE_EXHAUSTED 12\n    RESOURCE_EXHAUSTED: queue: 9 (expected: at most 8)\n");
    }
}
