package dev.lyne.student.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.student.page.Block;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Page;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ReportPageTest {
    @TempDir
    Path directory;

    @Test
    void write_twoRuns_isOnePageWithItsDataBesideIt() throws IOException {
        Path file = directory.resolve("report.html");
        ReportPage.write(twoRuns(), file);
        String data = Files.readString(directory.resolve("report.json"));
        assertThat(Files.readString(file)).contains(data).hasSizeLessThan(1_000_000);
        assertThat(data)
                .doesNotContain("NaN", "Infinity")
                .contains("Distilled", "Twin", "Held-out loss", "Where its", "Cache hits", "In their own words");
    }

    @Test
    void of_twoRuns_hasAChartForEachQuestion() {
        List<Chart> charts = charts(twoRuns());
        assertThat(charts)
                .extracting(Chart::id)
                .containsExactlyInAnyOrder("steps", "seconds", "second-half", "learning_rate", "alpha", "throughput");
        assertThat(charts.get(0).lines())
                .extracting(Chart.Line::name)
                .containsExactly(
                        "Distilled, held out", "Distilled, training text", "Twin, held out", "Twin, training text");
        assertThat(charts)
                .allSatisfy(chart -> assertThat(chart.lines())
                        .allSatisfy(line -> assertThat(line.points()).hasSizeLessThanOrEqualTo(360)));
    }

    @Test
    void of_settings_leadsWithThoseThatDiffer() {
        assertThat(ReportPage.of(twoRuns()).json())
                .contains(
                        "What the runs were started with; the first 1 differ", "[\"alpha\",\"0.9\",\"0\"],[\"batch\"");
    }

    @Test
    void of_runWithoutEvaluations_leavesTheirPartsOut() {
        ReportData.Run run = new ReportData.Run(
                "bare",
                "cross-entropy",
                10,
                0,
                0,
                0,
                OptionalDouble.empty(),
                Map.of(),
                List.of(),
                List.of(),
                List.of(),
                Map.of());
        ReportData bare = new ReportData("t", "s", List.of(run), List.of(), List.of());
        assertThat(charts(bare)).isEmpty();
        assertThat(ReportPage.of(bare).sections())
                .extracting(Page.Section::title)
                .containsExactly("Time and targets");
    }

    @Test
    void of_runWithAlarms_namesThemBesideTheFiguresOfOwnText() {
        ReportData.Run run = new ReportData.Run(
                "own",
                "reverse KL",
                10,
                2,
                0,
                0,
                OptionalDouble.empty(),
                Map.of(),
                List.of(new ReportData.TrainingPoint(1, 1, 5, 100, Map.of("own_text_entropy", 2.0))),
                List.of(),
                List.of(new ReportData.Alarm(7, "responses repeat themselves: share of 4-grams 0.400")),
                Map.of());
        assertThat(ReportPage.of(new ReportData("t", "s", List.of(run), List.of(), List.of()))
                        .json())
                .contains("[\"own\",\"7\",\"responses repeat themselves: share of 4-grams 0.400\"]");
    }

    private static List<Chart> charts(ReportData data) {
        return ReportPage.of(data).sections().stream()
                .flatMap(section -> section.blocks().stream())
                .filter(Chart.class::isInstance)
                .map(Chart.class::cast)
                .toList();
    }

    @Test
    void reportData_withoutRuns_isRefused() {
        assertThatThrownBy(() -> new ReportData("t", "s", List.of(), List.of(), List.of()))
                .hasMessage("runs: 0 (expected: 1 or more)");
    }

    /** Two runs as the demo would have them. */
    static ReportData twoRuns() {
        return new ReportData(
                "What a student learns from a teacher's stream",
                "Two students of 1.2 M parameters with the same start, data and steps: one listens to the teacher, its twin reads"
                        + " the text alone.",
                List.of(
                        run(
                                "Distilled",
                                3.92,
                                OptionalDouble.of(1.0),
                                Map.of("computed", 412_000L, "coalesced", 9_000L, "memory", 61_000L)),
                        run("Twin", 4.11, OptionalDouble.empty(), Map.of())),
                List.of(new Page.Section(
                        "Teacher server",
                        "As its own metrics state it at the end.",
                        List.of(new Block.Facts(List.of(
                                new Block.Fact("Positions scored", "412 k"),
                                new Block.Fact("Positions served", "482 k"),
                                new Block.Fact("Bytes a position", "541"),
                                new Block.Fact("Cache hits", "61 k"),
                                new Block.Fact("Model digest", "9f".repeat(32))))))),
                List.of(new Block.Texts(
                        "Fellow-Citizens of the Senate and House of Representatives: In meeting you again",
                        List.of(
                                new Block.Text(
                                        "Teacher",
                                        " I feel it my duty to call your attention to the state of the Union."),
                                new Block.Text(
                                        "Distilled",
                                        " at this session, the United States have been the present of peace."),
                                new Block.Text(
                                        "Twin", " of the of and the Government which has been made to the same.")))));
    }

    private static ReportData.Run run(String name, double end, OptionalDouble coverage, Map<String, Long> sources) {
        Random random = new Random(name.hashCode());
        List<ReportData.TrainingPoint> training = new ArrayList<>();
        List<ReportData.HeldOutPoint> heldOut = new ArrayList<>();
        double rate = coverage.isPresent() ? 3900 : 4300;
        for (int step = 0; step <= 1000; step++) {
            double nll = end + (8.3 - end) * Math.exp(-step / 160.0);
            double seconds = step * 512 / rate;
            if (step > 0) {
                training.add(new ReportData.TrainingPoint(
                        step,
                        seconds,
                        nll + random.nextGaussian() * 0.12,
                        rate + random.nextGaussian() * 150,
                        coverage.isPresent()
                                ? Map.of("learning_rate", 1e-3, "alpha", step / 1000.0)
                                : Map.of("learning_rate", 1e-3)));
            }
            if (step % 50 == 0) {
                heldOut.add(new ReportData.HeldOutPoint(step, seconds, nll + 0.05));
            }
        }
        return new ReportData.Run(
                name,
                coverage.isPresent() ? "forward KL from the teacher" : "cross-entropy on the data",
                1_234_000,
                1000,
                rate,
                coverage.isPresent() ? 0.034 : 0,
                coverage,
                sources,
                training,
                heldOut,
                List.of(),
                Map.of("alpha", coverage.isPresent() ? "0.9" : "0", "batch", "16", "learning_rate", "1e-3"));
    }
}
