package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDescription;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TeacherUnavailableException;
import dev.lyne.client.Timeouts;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.student.train.RunDirectory;
import dev.lyne.student.train.RunSummary;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server of several teachers, as its file says, and a student that mixes them: processes of their own. */
final class SeveralTeachersTest {
    private static final Duration LONG = Duration.ofMinutes(2);

    @TempDir
    private Path directory;

    /** Directory that {@code demo} means, seen from here. */
    private static final Path DEMO =
            TinyTraining.EXAMPLE_TEACHER.toAbsolutePath().normalize();

    @BeforeAll
    static void findTheExample() {
        System.setProperty("lyne.home", "..");
    }

    /** The file that ships, on free ports. */
    private Path shipped() throws IOException {
        String text = Files.readString(Path.of("..", "deploy", "systemd", "teachers.yaml"));
        return Files.writeString(
                directory.resolve("teachers.yaml"),
                text.replaceAll("(?m)^(\\w+: 127\\.0\\.0\\.1):\\d+", "$1:0")
                        .replace("teacher: demo", "teacher: " + DEMO));
    }

    /** Puts another file in its place, as editors and configuration systems do. */
    private void replace(Path file, String text) throws IOException {
        Files.move(
                Files.writeString(directory.resolve("teachers.new"), text), file, StandardCopyOption.REPLACE_EXISTING);
    }

    private JsonNode serve(Path file, List<ChildProcess> started) throws IOException {
        ChildProcess server = ChildProcess.start(
                "server",
                directory.resolve("server.log"),
                1,
                "1g",
                List.of("serve", "--config", file.toString(), "--threads", "1"));
        started.add(server);
        return JsonMapper.shared().readTree(server.readLine());
    }

    private String log() throws IOException {
        return Files.readString(directory.resolve("server.log"));
    }

    private static TeacherClient connect(String address, String teacher, Duration retry) {
        return TeacherClient.connect(
                address,
                ClientOptions.builder()
                        .teacher(teacher)
                        .timeouts(Timeouts.DEFAULT.withProgressTimeouts(retry, Duration.ofSeconds(20)))
                        .build());
    }

    private static TeacherDescription score(String address, String teacher) throws InterruptedException {
        return score(address, teacher, LONG);
    }

    private static TeacherDescription score(String address, String teacher, Duration retry)
            throws InterruptedException {
        try (TeacherClient client = connect(address, teacher, retry);
                TargetStream stream = client.open(TargetRequest.topK(4, List.of(), TeacherExpectation.any()))) {
            stream.offer(TargetSequence.whole(0, new int[] {1, 2, 3}));
            assertThat(stream.take().rows()).isEqualTo(2);
            return client.describe();
        }
    }

    private static List<String> lives(JsonNode ready) throws Exception {
        String status = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(
                                        "http://" + ready.path("metrics").asString() + "/status.json"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
        List<String> lives = new ArrayList<>();
        for (JsonNode life : JsonMapper.shared().readTree(status).path("lives")) {
            lives.add(life.path("teacher").asString() + " " + life.path("state").asString());
        }
        return lives;
    }

    @Test
    void file_isServedFollowedAndLearntFrom() throws Exception {
        Path file = shipped();
        String first = Files.readString(file);
        List<ChildProcess> started = new ArrayList<>();
        try {
            JsonNode ready = serve(file, started);
            String address = ready.path("listening").asString();
            assertThat(ready.path("teachers").toString()).isEqualTo("[\"demo\",\"demo-exact\"]");
            TeacherDescription demo = score(address, "demo");
            TeacherDescription exact = score(address, "demo-exact");
            assertThat(demo.deterministic()).isFalse();
            assertThat(demo.abilities().decodes()).isTrue();
            assertThat(exact.deterministic()).isTrue();
            assertThat(exact.abilities().decodes()).isFalse();
            assertThat(exact.modelDigest()).isEqualTo(demo.modelDigest());

            assertLearns(address);

            replace(file, first.replace("deterministic: true", "determinstic: true"));
            await().atMost(LONG)
                    .until(
                            () -> log().contains(
                                            "teachers: entry 2: unknown key determinstic (expected: deterministic?); all stay as they were"));
            replace(file, first.replace("teacher: " + DEMO, "teacher: /nowhere"));
            await().atMost(LONG).until(() -> log().contains("teachers: entry 1: --teacher: /nowhere is no directory"));
            assertThat(lives(ready)).containsExactly("demo serving", "demo-exact serving");

            replace(
                    file,
                    first.replace("name: demo-exact", "name: half")
                            .replace("deterministic: true", "precision: bfloat16"));
            await().atMost(LONG).until(() -> lives(ready).equals(List.of("demo serving", "half serving")));
            assertThat(score(address, "half").modelDigest()).isNotEqualTo(demo.modelDigest());
            assertThatThrownBy(() -> score(address, "demo-exact", Duration.ofSeconds(5)))
                    .isInstanceOf(TeacherUnavailableException.class)
                    .hasMessageContaining("teacher: demo-exact: was taken away");
            assertThat(score(address, "demo").modelDigest()).isEqualTo(demo.modelDigest());
            started.get(0).signal("TERM");
            assertThat(started.get(0).awaitEnd(60)).isEqualTo(143);
        } finally {
            started.forEach(ChildProcess::close);
        }
    }

    /** A student of both, whose settings stand in a file. */
    private void assertLearns(String address) throws Exception {
        Path out = directory.resolve("run");
        Path teacher = TinyTraining.EXAMPLE_TEACHER;
        Path text = Files.writeString(directory.resolve("text.txt"), "A lyne arm carries the vapour. ".repeat(200));
        Path settings = Files.writeString(directory.resolve("train.yaml"), """
                out: %s
                student: %s
                tokenizer: %s
                corpus: %s
                context: 32
                batch: 4
                steps: 6
                alpha: 0.7
                top_k: 16
                threads: 1
                teachers:
                  - {name: demo, address: "%s", weight: 2}
                  - {name: exact, teacher_name: demo-exact, address: "%s", weight: 1}
                """.formatted(
                        out,
                        teacher.resolveSibling("student.config.json").toAbsolutePath(),
                        teacher.toAbsolutePath(),
                        text,
                        address,
                        address));
        try (ChildProcess student = ChildProcess.start(
                "student",
                directory.resolve("student.log"),
                1,
                "512m",
                List.of("train", "--config", settings.toString()))) {
            assertThat(student.awaitEnd(300)).isZero();
        }
        RunSummary summary = RunSummary.read(new RunDirectory(out).summary());
        assertThat(summary.teachers().keySet()).containsExactly("demo", "exact");
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
        assertThat(Files.readString(directory.resolve("student.log")))
                .contains("; demo: divergence ", "; exact: divergence ");
    }

    @Test
    void teachers_besideATeacher_areRefused() throws Exception {
        try (ChildProcess server = ChildProcess.start(
                "server",
                directory.resolve("server.log"),
                1,
                "1g",
                List.of("serve", "--config", shipped().toString(), "--teacher", "demo"))) {
            assertThat(server.awaitEnd(60)).isEqualTo(2);
        }
        assertThat(log()).contains("--teacher: demo (expected: none beside the teachers of ");
    }
}
