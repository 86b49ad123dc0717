package dev.lyne.load.result;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.load.page.LoadPage;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Page;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

final class LoadResultTest {
    /** Intervals whose throughput and latency scatter around a level. */
    private static StepResult step(String label, double level, long seed) {
        var random = new SplittableRandom(seed);
        List<StepResult.IntervalResult> intervals = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            long sequences = Math.round(level * (0.95 + 0.1 * random.nextDouble()));
            Histogram micros = new Histogram(3);
            for (int n = 0; n < 200; n++) {
                micros.recordValue((long) (1e6 / level * (1 + random.nextDouble())));
            }
            intervals.add(new StepResult.IntervalResult(
                    1, sequences, sequences * 10, sequences * 500, Histograms.write(micros)));
        }
        Histogram lag = new Histogram(3);
        lag.recordValue(40);
        return StepResult.of(new StepResult.Counted(
                label,
                4,
                0,
                new StepResult.Due(100, 1, 2),
                Map.of("computed", 600L, "memory", 200L),
                new StepResult.Interruptions(
                        Map.of("QUEUE_FULL", 3L), Map.of("QUEUE_FULL", "queue: 9 (expected: at most 8)"), 1),
                0.5,
                Map.of("lyne_teacher_queue_tokens", 12.0),
                intervals,
                Histograms.write(lag)));
    }

    private static LoadResult result(StepResult... steps) {
        return part("1/2", steps);
    }

    private static LoadResult part(String part, StepResult... steps) {
        return new LoadResult(
                LoadResult.FORMAT,
                Map.of("students", "4", "part", part),
                "demo, digest 12ab",
                "2026-01-01T00:00:00Z",
                1,
                "",
                List.of(steps));
    }

    @Test
    void read_whatWasWritten_isTheSame(@TempDir Path directory) throws Exception {
        LoadResult result = result(step("4 students", 1_000, 1), step("8 students", 1_500, 2));
        Path file = directory.resolve("result.json");
        Files.writeString(file, result.toJson());
        assertThat(LoadResult.read("--merge", file)).isEqualTo(result);
        Files.writeString(file, result.toJson().replaceFirst("\\{", "{ \"surprise\": 1,"));
        assertThatThrownBy(() -> LoadResult.read("--merge", file)).hasMessageContaining("surprise");
        Files.writeString(file, "{\"format\": \"lyne-load-2\"}");
        assertThatThrownBy(() -> LoadResult.read("--merge", file)).hasMessageContaining("result.json");
    }

    @Test
    void toJson_aStep_hasItsFiguresInOneObject() {
        assertThat(JsonMapper.shared()
                        .readTree(result(step("4 students", 1_000, 1)).toJson())
                        .path("steps")
                        .path(0)
                        .propertyNames())
                .containsExactly(
                        "label",
                        "students",
                        "offered_per_second",
                        "seconds",
                        "intended",
                        "sequences",
                        "failed",
                        "unanswered",
                        "positions",
                        "bytes",
                        "positions_per_second",
                        "sequences_per_second",
                        "bytes_per_second",
                        "bytes_per_position",
                        "hit_ratio",
                        "positions_by_source",
                        "refusals",
                        "refusal_messages",
                        "reconnects",
                        "latency_millis",
                        "lag_millis",
                        "generator_cpu_seconds",
                        "server",
                        "intervals",
                        "lag_histogram");
    }

    @Test
    void read_aStepWithoutAFigure_isRefusedByItsName(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("result.json");
        String json = result(step("4 students", 1_000, 1)).toJson();
        Files.writeString(file, json.replaceFirst("\"failed\" : 1,", ""));
        assertThatThrownBy(() -> LoadResult.read("--merge", file)).hasMessageContaining("failed");
        Files.writeString(file, json.replaceFirst("\"failed\" : 1,", "\"failed\" : 1, \"surprise\" : 1,"));
        assertThatThrownBy(() -> LoadResult.read("--merge", file)).hasMessageContaining("surprise");
    }

    @Test
    void merge_parts_areAddedUp() {
        StepResult one = step("4 students", 1_000, 1);
        StepResult other = step("4 students", 2_000, 2);
        StepResult sum =
                Merge.of(List.of(part("1/2", one), part("2/2", other))).steps().get(0);
        assertThat(sum.answered().positions())
                .isEqualTo(one.answered().positions() + other.answered().positions());
        assertThat(sum.answered().positionsPerSecond())
                .isEqualTo(
                        one.answered().positionsPerSecond() + other.answered().positionsPerSecond(), within(1e-6));
        assertThat(sum.students()).isEqualTo(8);
        assertThat(sum.interruptions().refusals()).containsEntry("QUEUE_FULL", 6L);
        assertThat(sum.timing().latencyMillis().get("max"))
                .isEqualTo(one.timing().latencyMillis().get("max"));
        assertThat(sum.timing().latencyMillis().get("p50"))
                .isBetween(
                        other.timing().latencyMillis().get("p50"),
                        one.timing().latencyMillis().get("p50"));
    }

    @Test
    void merge_aPartTwiceOrMissing_isRefused() {
        StepResult step = step("s", 9, 1);
        for (List<String> wrong : List.of(List.of("1/2", "1/2"), List.of("1/3", "3/3"), List.of("1/1", "1/1"))) {
            List<LoadResult> parts =
                    wrong.stream().map(name -> part(name, step)).toList();
            assertThatThrownBy(() -> Merge.of(parts))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("parts: " + wrong + " (expected: each part of the load, once)");
        }
    }

    @Test
    void merge_differentLoads_isRefused() {
        LoadResult other = new LoadResult(
                LoadResult.FORMAT,
                Map.of("students", "5"),
                "demo",
                "2026-01-01T00:00:00Z",
                1,
                "",
                List.of(step("s", 9, 1)));
        assertThatThrownBy(() -> Merge.of(List.of(result(step("s", 9, 1)), other)))
                .hasMessageContaining("students 4 and 5");
    }

    @Test
    void compare_sameLevel_showsNoDifference() {
        List<LoadComparison.Line> lines =
                LoadComparison.of(result(step("s", 1_000, 1)), result(step("s", 1_000, 2)), 5);
        LoadComparison.Line rate = lines.get(0);
        assertThat(rate.figure()).isEqualTo("positions/s");
        assertThat(rate.differs()).isFalse();
        assertThat(rate.low()).isNegative();
        assertThat(rate.high()).isPositive().isLessThan(0.05);
    }

    @Test
    void compare_tenPercentMore_isFoundWithinItsInterval() {
        List<LoadComparison.Line> lines =
                LoadComparison.of(result(step("s", 1_000, 1)), result(step("s", 1_100, 2)), 5);
        LoadComparison.Line rate = lines.get(0);
        assertThat(rate.differs()).isTrue();
        assertThat(0.1).isBetween(rate.low() - 0.02, rate.high() + 0.02);
        LoadComparison.Line median = lines.get(2);
        assertThat(median.figure()).isEqualTo("latency p50, ms");
        assertThat(median.differs()).isTrue();
        assertThat(median.change()).isEqualTo(-0.09, within(0.05));
    }

    @Test
    void compare_serverThatAnsweredInOneSecondOnly_staysFinite() {
        StepResult full = step("s", 1_000, 1);
        List<StepResult.IntervalResult> mostlyEmpty =
                new ArrayList<>(full.intervals().subList(0, 1));
        for (int i = 1; i < 10; i++) {
            mostlyEmpty.add(new StepResult.IntervalResult(1, 0, 0, 0, Histograms.write(new Histogram(3))));
        }
        StepResult.Counted counted = full.counted();
        StepResult stopped = StepResult.of(new StepResult.Counted(
                counted.label(),
                counted.students(),
                counted.offeredPerSecond(),
                counted.due(),
                counted.positionsBySource(),
                counted.interruptions(),
                counted.generatorCpuSeconds(),
                counted.server(),
                mostlyEmpty,
                counted.lagHistogram()));
        assertThat(LoadComparison.of(result(stopped), result(full), 5)).allSatisfy(line -> {
            assertThat(line.low()).isFinite();
            assertThat(line.high()).isFinite();
        });
    }

    @Test
    void compare_noCommonStep_isRefused() {
        assertThatThrownBy(() -> LoadComparison.of(result(step("a", 9, 1)), result(step("b", 9, 1)), 5))
                .hasMessageContaining("at least one of the same label");
    }

    @Test
    void page_axes_startAtZeroAndCountStudentsInWholes() {
        Page page = LoadPage.of(result(step("2 students", 1_000, 1), step("4 students", 1_500, 2)));
        List<Chart> charts = page.sections().stream()
                .flatMap(section -> section.blocks().stream())
                .filter(Chart.class::isInstance)
                .map(Chart.class::cast)
                .toList();
        assertThat(charts).hasSize(4).allSatisfy(chart -> {
            assertThat(chart.x().fromZero()).isTrue();
            assertThat(chart.y().fromZero()).isTrue();
        });
        assertThat(charts.get(1).title()).isEqualTo("Throughput over students");
        assertThat(charts.get(1).x().whole()).isTrue();
    }

    @Test
    void failureShare_saturatedStepOfARamp_doesNotCount() {
        LoadResult whole = result(step("4 students", 1_000, 1));
        assertThat(whole.failureShare()).isEqualTo(0.03);
        LoadResult ramp = new LoadResult(
                LoadResult.FORMAT, Map.of(), "demo", "2026-01-01T00:00:00Z", 1, "4 students", whole.steps());
        assertThat(ramp.failureShare()).isZero();
    }

    @Test
    void page_anyResult_isWholeInItself(@TempDir Path directory) throws Exception {
        Page page = LoadPage.of(result(step("4 <students>", 1_000, 1), step("8 students", 1_500, 2)));
        Path file = directory.resolve("load.html");
        page.write(file);
        String data = Files.readString(directory.resolve("load.json"));
        assertThat(Files.readString(file))
                .contains(data)
                .doesNotContain("4 <students>")
                .hasSizeLessThan(1_000_000);
        assertThat(data)
                .contains("\"Latency and throughput\"", "QUEUE_FULL", "p99.9")
                .contains("queue: 9 (expected: at most 8)", "teacher demo, digest 12ab", "Server unknown")
                .doesNotContain("NaN");
    }
}
