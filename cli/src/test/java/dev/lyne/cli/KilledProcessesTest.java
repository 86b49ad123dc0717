package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.training.CrossEntropy;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.student.train.RunDirectory;
import dev.lyne.student.train.RunSummary;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.GZIPInputStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real processes, killed with SIGKILL: a student at random moments, and a server under its student. Either way the student ends with
 * the weights of a run that nobody disturbed.
 */
final class KilledProcessesTest {
    private static final long SEED = 7;
    private static final int STEPS = 24;
    private static final Path EXAMPLE = Path.of("..", "examples", "state-of-the-union");
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    @TempDir
    private static Path shared;

    private static Path teacher;
    private static Path text;
    private static byte[] undisturbed;
    private static int port;

    @BeforeAll
    static void trainUndisturbed() throws Exception {
        teacher = Files.createDirectory(shared.resolve("teacher"));
        var shape = ModelConfiguration.llama(32, 2, 2, 1, 64, 4096, 64, 10_000.0, true);
        var options = new ModelOptions("cpu", ComputePrecision.FLOAT32, 1);
        try (var model = TrainableModel.create(shape, 3, options, OptimizerOptions.defaults(), CrossEntropy.script())) {
            model.export(teacher, "float32");
        }
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(EXAMPLE.resolve("teacher").resolve(file), teacher.resolve(file));
        }
        text = Files.writeString(shared.resolve("text.txt"), excerpt());
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        try (ChildProcess server = serve();
                ChildProcess student = train("undisturbed")) {
            student.awaitSuccess();
            assertThat(server.isAlive()).isTrue();
        }
        undisturbed = weights("undisturbed");
    }

    @Test
    void student_killedAtRandomMomentsAndResumed_endsWithTheSameWeights() throws Exception {
        var random = new SplittableRandom(SEED);
        try (ChildProcess server = serve()) {
            for (int kill = 0; kill < 3; kill++) {
                int moment = 2 + kill * 7 + random.nextInt(6);
                try (ChildProcess student = train("killed")) {
                    awaitLines("killed", moment, student);
                    kill(student);
                }
            }
            try (ChildProcess student = train("killed")) {
                student.awaitSuccess();
            }
            assertThat(server.isAlive()).isTrue();
        }
        assertThat(weights("killed")).as("seed %d", SEED).isEqualTo(undisturbed);
        assertThat(metricsSteps("killed")).containsExactlyElementsOf(metricsSteps("undisturbed"));
    }

    @Test
    void server_killedAndRestartedUnderAStudent_costsNoRowAndRepeatsNone() throws Exception {
        ChildProcess first = serve();
        ChildProcess student = train("orphaned");
        try (student) {
            awaitLines("orphaned", 6, student);
            kill(first);
            first.close();
            try (ChildProcess second = serve()) {
                student.awaitSuccess();
                assertThat(second.isAlive()).isTrue();
            }
        }
        assertThat(weights("orphaned")).isEqualTo(undisturbed);
        RunSummary summary = RunSummary.read(directory("orphaned").summary());
        assertThat(summary.coverage()).isEqualTo(1.0);
    }

    private static String excerpt() throws IOException {
        try (var in = new GZIPInputStream(Files.newInputStream(EXAMPLE.resolve("held-out.jsonl.gz")))) {
            byte[] bytes = in.readNBytes(40_000);
            return new String(bytes, 0, bytes.length, java.nio.charset.StandardCharsets.US_ASCII)
                    .replace('\uFFFD', ' ');
        }
    }

    private static ChildProcess serve() throws IOException {
        ChildProcess server = ChildProcess.start(
                "server",
                shared.resolve("server.log"),
                1,
                "256m",
                List.of(
                        "serve",
                        "--deterministic",
                        "--threads",
                        "1",
                        "--teacher",
                        teacher.toString(),
                        "--listen",
                        "127.0.0.1:" + port));
        assertThat(server.readLine()).contains("\"listening\"");
        return server;
    }

    private static ChildProcess train(String name) throws IOException {
        return ChildProcess.start(
                name,
                shared.resolve(name + ".log"),
                1,
                "256m",
                List.of(
                        "train",
                        "--resume",
                        "--name",
                        name,
                        "--out",
                        shared.resolve(name).toString(),
                        "--student",
                        teacher.resolve("config.json").toString(),
                        "--tokenizer",
                        teacher.toString(),
                        "--corpus",
                        text.toString(),
                        "--cache",
                        shared.resolve("tokens").toString(),
                        "--teacher",
                        "127.0.0.1:" + port,
                        "--alpha",
                        "0.7",
                        "--top-k",
                        "16",
                        "--context",
                        "32",
                        "--batch",
                        "4",
                        "--in-flight",
                        "8",
                        "--steps",
                        Integer.toString(STEPS),
                        "--checkpoint-every",
                        "2",
                        "--samples",
                        "0",
                        "--threads",
                        "1",
                        "--seed",
                        "5"));
    }

    private static RunDirectory directory(String name) {
        return new RunDirectory(shared.resolve(name));
    }

    private static byte[] weights(String name) throws IOException {
        return Files.readAllBytes(directory(name).model().resolve("model.safetensors"));
    }

    private static List<String> metricsSteps(String name) throws IOException {
        List<String> steps = new ArrayList<>();
        for (String line : Files.readAllLines(directory(name).metrics())) {
            steps.add(line.substring(0, line.indexOf(',')));
        }
        return steps;
    }

    private static void awaitLines(String name, int lines, ChildProcess student) {
        Awaitility.await()
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> !student.isAlive()
                        || Files.exists(directory(name).metrics())
                                && Files.readAllLines(directory(name).metrics()).size() >= lines);
        assertThat(student.isAlive()).as("%s runs until it is killed", name).isTrue();
    }

    private static void kill(ChildProcess process) {
        ProcessHandle handle = ProcessHandle.of(process.pid()).orElseThrow();
        handle.destroyForcibly();
        handle.onExit().join();
    }
}
