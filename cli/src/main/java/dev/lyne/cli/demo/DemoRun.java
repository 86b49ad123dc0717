package dev.lyne.cli.demo;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.client.ClientOptions;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDescription;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.load.process.Home;
import dev.lyne.load.process.ServerFigures;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.student.corpus.Corpus;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.train.RunDirectory;
import dev.lyne.student.train.RunSummary;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Run of the demo: a server process, two student processes side by side, and what came of them. */
final class DemoRun {
    private final DemoPlan plan;
    private final Path out;
    private final PrintStream text;

    DemoRun(DemoPlan plan, Path out, PrintStream text) {
        this.plan = plan;
        this.out = out;
        this.text = text;
    }

    void run() throws IOException, InterruptedException {
        DemoProcesses processes = new DemoProcesses(out, text);
        try (ServerProcess server = processes.startServer()) {
            tokenise();
            ServerProcess.Ready ready = server.awaitReady();
            TeacherDescription teacher = describe(ready.listening());
            text.printf(
                    "teacher server %d listens on %s: %,d parameters, digest %s…%n",
                    server.pid(),
                    ready.listening(),
                    teacher.parameters(),
                    teacher.modelDigest().substring(0, 12));
            processes.train("train side by side", students(ready.listening()), plan.steps());
            ServerFigures figures = ServerFigures.scrape(ready.metrics());
            finish(teacher, figures);
        }
    }

    /** Tokenises the example once for both students, while the server starts. */
    private void tokenise() throws IOException {
        text.println("tokenising the example");
        try (Tokenizer tokenizer = Tokenizer.load(Home.demoTeacher())) {
            for (Path corpus : List.of(Home.corpus(), Home.heldOut())) {
                TokenStore.open(
                        DemoPlan.tokens(out),
                        Corpus.of(List.of(corpus), Optional.empty()),
                        TextEncoder.of(tokenizer, tokenizer.wrapping()),
                        Runtime.getRuntime().availableProcessors(),
                        (done, total) -> {});
            }
        }
    }

    private static TeacherDescription describe(String address) {
        try (TeacherClient client = TeacherClient.connect(address, ClientOptions.defaults())) {
            return client.describe();
        }
    }

    private Map<String, List<String>> students(String address) {
        Map<String, List<String>> students = new LinkedHashMap<>();
        students.put("distilled", plan.distilled(out, address));
        students.put("twin", plan.twin(out));
        return students;
    }

    private void finish(TeacherDescription teacher, ServerFigures figures) throws IOException {
        RunSummary distilled = RunSummary.read(new RunDirectory(out.resolve("distilled")).summary());
        RunSummary twin = RunSummary.read(new RunDirectory(out.resolve("twin")).summary());
        JsonReport.writeFile(
                out.resolve("summary.json"),
                new DemoSummary(
                        new DemoSummary.TeacherFigures(
                                teacher.modelDigest(),
                                teacher.vocabularySize(),
                                figures.positionsScored(),
                                figures.positionsServed(),
                                figures.bytesPerPosition(),
                                new DemoSummary.Cache(figures.hits(), figures.coalesced(), figures.misses())),
                        List.of(DemoSummary.Student.of(distilled), DemoSummary.Student.of(twin))));
        DemoReport.write(out, teacher, figures, distilled, twin);
        DemoTable.print(text, distilled, twin, figures);
        text.printf("report   %s%nsummary  %s%n", out.resolve("report.html"), out.resolve("summary.json"));
    }
}
