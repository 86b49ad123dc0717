package dev.lyne.student.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

final class ReportPageTest {
    @TempDir
    Path directory;

    @Test
    void render_twoRuns_isOnePageWithNothingOutsideIt() throws IOException {
        Path file = directory.resolve("report.html");
        ReportPage.write(twoRuns(), file);
        String html = Files.readString(file);
        assertThat(html)
                .doesNotContain("http:", "https:", "url(", "<script", "@import", "src=", "NaN", "Infinity")
                .contains("Distilled", "Twin", "Held-out loss", "Where its", "Cache hits", "In their own words");
        assertThat(html.length()).isLessThan(400_000);
    }

    @Test
    void render_figures_areWellFormedAndDescribed() throws Exception {
        String html = ReportPage.render(twoRuns());
        int charts = 0;
        for (int at = html.indexOf("<figure"); at >= 0; at = html.indexOf("<figure", at + 1)) {
            String figure = html.substring(at, html.indexOf("</figure>", at) + 9);
            DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(figure)));
            assertThat(figure).contains("role=\"img\"", "aria-label=\"", "ends at ");
            charts++;
        }
        assertThat(charts).isEqualTo(6);
    }

    @Test
    void render_textFromOutside_isEscaped() {
        ReportData data = new ReportData(
                "<b>&",
                "\"quoted\"",
                List.of(),
                List.of(run("<i>", 4.0, OptionalDouble.empty(), Map.of())),
                List.of(),
                List.of(new ReportData.SampleSet(
                        "</blockquote>", List.of(new ReportData.Continuation("<i>", "<script>alert(1)</script>")))));
        assertThat(ReportPage.render(data))
                .contains("&lt;b&gt;&amp;", "&quot;quoted&quot;", "&lt;script&gt;alert(1)")
                .doesNotContain("<script", "<i>", "</blockquote> …");
    }

    @Test
    void render_runWithoutEvaluations_leavesTheirPartsOut() {
        ReportData.Run run = new ReportData.Run(
                "bare", "cross-entropy", 10, 0, 0, 0, OptionalDouble.empty(), Map.of(), List.of(), List.of(), Map.of());
        assertThat(ReportPage.render(new ReportData("t", "s", List.of(), List.of(run), List.of(), List.of())))
                .doesNotContain("NaN", "<figure", "Settings", "In their own words");
    }

    @Test
    void reportData_withoutRuns_isRefused() {
        assertThatThrownBy(() -> new ReportData("t", "s", List.of(), List.of(), List.of(), List.of()))
                .hasMessage("runs: 0 (expected: 1 or more)");
    }

    @Test
    void covering_anyRange_endsOnRoundTicks() {
        assertThat(Axis.covering(3.61, 8.38, 5).ticks()).containsExactly(3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0);
        assertThat(Axis.covering(2, 2, 5).ticks()).hasSizeGreaterThan(1);
        Axis thousands = Axis.covering(0, 250_000, 5);
        assertThat(thousands.ticks().stream().map(thousands::label))
                .containsExactly("0", "50 k", "100 k", "150 k", "200 k", "250 k");
        assertThat(Axis.fromZero(1200, 6).ticks()).containsExactly(0.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 1200.0);
    }

    /** Two runs as the demo would have them. */
    static ReportData twoRuns() {
        return new ReportData(
                "What a student learns from a teacher's stream",
                "Two students of 1.2 M parameters with the same start, data and steps: one listens to the teacher, its twin reads"
                        + " the text alone.",
                List.of(),
                List.of(
                        run(
                                "Distilled",
                                3.92,
                                OptionalDouble.of(1.0),
                                Map.of("computed", 412_000L, "coalesced", 9_000L, "memory", 61_000L)),
                        run("Twin", 4.11, OptionalDouble.empty(), Map.of())),
                List.of(new ReportData.FactTable(
                        "Teacher server",
                        "As its own metrics state it at the end.",
                        List.of(
                                new ReportData.Fact("Positions scored", "412 k"),
                                new ReportData.Fact("Positions served", "482 k"),
                                new ReportData.Fact("Bytes a position", "541"),
                                new ReportData.Fact("Cache hits", "61 k"),
                                new ReportData.Fact("Model digest", "9f".repeat(32))))),
                List.of(new ReportData.SampleSet(
                        "Fellow-Citizens of the Senate and House of Representatives: In meeting you again",
                        List.of(
                                new ReportData.Continuation(
                                        "Teacher",
                                        " I feel it my duty to call your attention to the state of the Union."),
                                new ReportData.Continuation(
                                        "Distilled",
                                        " at this session, the United States have been the present of peace."),
                                new ReportData.Continuation(
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
                Map.of("alpha", coverage.isPresent() ? "0.9" : "0", "batch", "16", "learning_rate", "1e-3"));
    }
}
