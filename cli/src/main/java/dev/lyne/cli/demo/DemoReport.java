package dev.lyne.cli.demo;

import dev.lyne.client.TeacherDescription;
import dev.lyne.lm.generation.SamplingOptions;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.load.process.Home;
import dev.lyne.load.process.ServerFigures;
import dev.lyne.student.page.Block.Fact;
import dev.lyne.student.page.Block.Facts;
import dev.lyne.student.page.Page.Section;
import dev.lyne.student.report.ReportData;
import dev.lyne.student.report.ReportPage;
import dev.lyne.student.train.RunDirectory;
import dev.lyne.student.train.RunReports;
import dev.lyne.student.train.RunSummary;
import dev.lyne.student.train.Samples;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The demo's page: both students in the same plots, what the teacher did, and what all three write. */
final class DemoReport {
    private DemoReport() {}

    static void write(
            Path out, TeacherDescription teacher, ServerFigures figures, RunSummary distilled, RunSummary twin)
            throws IOException {
        var distilledRun = new RunDirectory(out.resolve(distilled.name()));
        var twinRun = new RunDirectory(out.resolve(twin.name()));
        List<Samples.Sample> beginnings = Samples.read(distilledRun.samples());
        Map<String, List<Samples.Sample>> samples = new LinkedHashMap<>();
        samples.put("teacher", continuations(beginnings));
        samples.put(distilled.name(), beginnings);
        samples.put(twin.name(), Samples.read(twinRun.samples()));
        ReportPage.write(
                new ReportData(
                        "Lyne demo",
                        "Two students of the same shape, seed, data and steps: one learns from a teacher's stream, its twin from the "
                                + "text alone.",
                        List.of(RunReports.read(distilledRun), RunReports.read(twinRun)),
                        List.of(teacherTable(teacher, figures), comparison(distilled, twin)),
                        RunReports.sideBySide(samples)),
                out.resolve("report.html"));
    }

    private static Section teacherTable(TeacherDescription teacher, ServerFigures figures) {
        return new Section(
                "The teacher server",
                "What it counted, scraped from its metrics page when the students had ended.",
                List.of(new Facts(List.of(
                        new Fact("model", teacher.architecture() + ", " + count(teacher.parameters()) + " parameters"),
                        new Fact("digest", teacher.modelDigest()),
                        new Fact("device", teacher.fingerprint().device()),
                        new Fact("positions scored by the model", count(figures.positionsScored())),
                        new Fact("positions served", count(figures.positionsServed())),
                        new Fact("bytes a position", String.format(Locale.ROOT, "%.1f", figures.bytesPerPosition())),
                        new Fact("sequences from the cache", count(figures.hits())),
                        new Fact("sequences that joined a computation", count(figures.coalesced())),
                        new Fact("sequences computed", count(figures.misses()))))));
    }

    private static Section comparison(RunSummary distilled, RunSummary twin) {
        double seconds = Math.min(distilled.pace().seconds(), twin.pace().seconds());
        return new Section(
                "Side by side",
                "Held-out loss in nats a token, on addresses that neither tokenizer, teacher nor students have seen.",
                List.of(new Facts(List.of(
                        new Fact("at equal steps", losses(DemoTable.last(distilled), DemoTable.last(twin))),
                        new Fact(
                                String.format(Locale.ROOT, "after %.0f s of training each", seconds),
                                losses(
                                        DemoTable.lossAt(distilled.heldOut(), seconds),
                                        DemoTable.lossAt(twin.heldOut(), seconds)))))));
    }

    private static String losses(double distilled, double twin) {
        return String.format(Locale.ROOT, "distilled %.4f, twin %.4f", distilled, twin);
    }

    /** Returns the teacher's continuations of the beginnings that the students were given. */
    static List<Samples.Sample> continuations(List<Samples.Sample> beginnings) {
        try (Tokenizer tokenizer = Tokenizer.load(Home.demoTeacher());
                ScoringModel teacher = ScoringModel.load(
                        Home.demoTeacher(),
                        new ModelOptions("cpu", ComputePrecision.FLOAT32, 0),
                        ScoringOptions.of(tokenizer.vocabularySize()))) {
            return Samples.continuedBy(
                    (prompt, maxNewTokens, temperature, topP, seed, stopIds) -> teacher.generate(
                            prompt, maxNewTokens, new SamplingOptions(temperature, topP, seed), stopIds),
                    tokenizer,
                    tokenizer.stopIds(tokenizer.wrapping()),
                    beginnings,
                    teacher.configuration().sizes().contextLength());
        }
    }

    private static String count(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }
}
