package dev.lyne.cli.demo;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.client.ClientOptions;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDescription;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.load.process.ChildProcess;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** One run of the demo: a server process, two student processes side by side, and what came of them. */
final class DemoRun {
    /** A file that tells an earlier demo's directory from anybody else's. */
    static final String MARKER = "lyne-demo";

    private static final long SERVER_HEAP_MIB = 1_024;
    private static final long MILLIS_BETWEEN_LINES = 2_000;

    private final DemoPlan plan;
    private final Path out;
    private final PrintStream text;

    DemoRun(DemoPlan plan, Path out, PrintStream text) {
        this.plan = plan;
        this.out = out;
        this.text = text;
    }

    void run() throws IOException, InterruptedException {
        Files.writeString(
                out.resolve(MARKER), "Made by `lyne demo`, which removes this directory when it runs again.\n");
        try (ServerProcess server =
                ServerProcess.start(out.resolve("server.log"), "demo", SERVER_HEAP_MIB, List.of("--threads", "2"))) {
            tokenise();
            ServerProcess.Ready ready = server.awaitReady();
            TeacherDescription teacher = describe(ready.listening());
            text.printf(
                    "teacher server %d listens on %s: %,d parameters, digest %s…%n",
                    server.pid(),
                    ready.listening(),
                    teacher.parameters(),
                    teacher.modelDigest().substring(0, 12));
            train(ready.listening());
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

    private void train(String address) throws IOException, InterruptedException {
        try (ChildProcess distilled = startStudent("distilled", plan.distilled(out, address));
                ChildProcess twin = startStudent("twin", plan.twin(out))) {
            text.printf("two students train side by side, processes %d and %d%n", distilled.pid(), twin.pid());
            var progress = new DemoProgress(text, List.of("distilled", "twin"), out, plan.steps());
            while (distilled.isAlive() || twin.isAlive()) {
                progress.print();
                TimeUnit.MILLISECONDS.sleep(MILLIS_BETWEEN_LINES);
                if (!distilled.isAlive()) {
                    distilled.awaitSuccess();
                }
                if (!twin.isAlive()) {
                    twin.awaitSuccess();
                }
            }
            progress.print();
            distilled.awaitSuccess();
            twin.awaitSuccess();
        }
    }

    private ChildProcess startStudent(String name, List<String> arguments) throws IOException {
        return ChildProcess.start("the " + name + " student", out.resolve(name + ".log"), 1, "1g", arguments);
    }

    private void finish(TeacherDescription teacher, ServerFigures figures) throws IOException {
        RunSummary distilled = RunSummary.read(new RunDirectory(out.resolve("distilled")).summary());
        RunSummary twin = RunSummary.read(new RunDirectory(out.resolve("twin")).summary());
        JsonReport.writeFile(
                out.resolve("summary.json"),
                new DemoSummary(
                        new DemoSummary.Teacher(
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
