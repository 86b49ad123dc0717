package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's lines as they stand there: the tokenizer comes from the teacher's server. */
final class FetchedTokenizerTest {
    @TempDir
    Path shared;

    @Test
    void trainCaptureAndEvaluate_withoutATokenizer_takeTheTeachers() throws Exception {
        var tiny = new TinyTraining(shared);
        Path student = Files.createDirectory(shared.resolve("student")).resolve("config.json");
        Files.copy(tiny.teacher().resolve("config.json"), student);
        Path out = shared.resolve("run");
        String text = tiny.text().toString();
        try (ChildProcess server = tiny.serve()) {
            InProcessCommand.succeed(List.of(
                    "train",
                    "--teacher",
                    tiny.address(),
                    "--alpha",
                    "0.9",
                    "--student",
                    student.toString(),
                    "--corpus",
                    text,
                    "--out",
                    out.toString(),
                    "--steps",
                    "2",
                    "--context",
                    "32"));
            for (Path copy : List.of(out.resolve("tokenizer"), out.resolve("model"))) {
                assertThat(copy.resolve("tokenizer.json"))
                        .hasSameBinaryContentAs(tiny.teacher().resolve("tokenizer.json"));
            }
            InProcessCommand.succeed(List.of(
                    "capture",
                    "--teacher",
                    tiny.address(),
                    "--corpus",
                    text,
                    "--out",
                    shared.resolve("captured").toString(),
                    "--context",
                    "32",
                    "--windows",
                    "4"));
            assertThat(shared.resolve("captured")).isDirectory();
            Path bare = Files.createDirectory(shared.resolve("bare"));
            for (String file : List.of("config.json", "model.safetensors")) {
                Files.copy(out.resolve("model").resolve(file), bare.resolve(file));
            }
            InProcessCommand.succeed(List.of(
                    "evaluate",
                    "--teacher",
                    tiny.address(),
                    "--model",
                    bare.toString(),
                    "--corpus",
                    text,
                    "--context",
                    "32"));
            InProcessCommand.succeed(List.of("score", "--teacher", tiny.address(), "Fellow citizens"));
            assertThat(server.isAlive()).isTrue();
        }
    }

    /** The demo's tokenizer is another: rows by it would be refused. */
    @Test
    void score_ofATeacherWithAnotherTokenizer_takesThatOne() throws Exception {
        var tiny = new TinyTraining(shared);
        Path file = tiny.teacher().resolve("tokenizer.json");
        String swapped = Files.readString(file)
                .replaceFirst(":\\s*300,", ": -1,")
                .replaceFirst(":\\s*301,", ": 300,")
                .replaceFirst(": -1,", ": 301,");
        Files.writeString(file, swapped);
        Path out = shared.resolve("captured");
        Path before = Files.createDirectories(out.resolve("tokenizer"));
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(TinyTraining.EXAMPLE_TEACHER.resolve(name), before.resolve(name));
        }
        try (ChildProcess server = tiny.serve()) {
            String line =
                    "capture --context 32 --teacher " + tiny.address() + " --corpus " + tiny.text() + " --out " + out;
            try (ChildProcess capture =
                    ChildProcess.start("capture", tiny.log("capture"), 1, "256m", List.of(line.split(" ")))) {
                Awaitility.await().atMost(Duration.ofMinutes(2)).until(() -> !capture.isAlive());
            }
            assertThat(Files.readString(tiny.log("capture")))
                    .contains("tokenizer: the one in " + before + ", which a teacher sent before")
                    .containsPattern("okenizer.*expected");
            InProcessCommand.succeed(List.of("score", "--teacher", tiny.address(), "Fellow citizens"));
            assertThat(server.isAlive()).isTrue();
        }
    }

    @Test
    void evaluate_toldToStop_leavesNothingBehind() throws Exception {
        var tiny = new TinyTraining(shared);
        Path temporary = Files.createDirectory(shared.resolve("tmp"));
        Path bare = Files.createDirectory(shared.resolve("bare"));
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(tiny.teacher().resolve(name), bare.resolve(name));
        }
        String line =
                "evaluate --context 32 --model " + bare + " --corpus " + tiny.text() + " --teacher " + tiny.address();
        Map<String, String> environment = Map.of("JAVA_TOOL_OPTIONS", "-Djava.io.tmpdir=" + temporary);
        try (ChildProcess evaluate = ChildProcess.start(
                "evaluate", tiny.log("evaluate"), 1, "256m", environment, List.of(line.split(" ")))) {
            Awaitility.await()
                    .atMost(Duration.ofMinutes(2))
                    .until(() -> Files.readString(tiny.log("evaluate")).contains("waiting for a teacher for "));
            assertThat(temporary).isDirectoryContaining("glob:**lyne-tokens*");
            evaluate.signal("TERM");
            Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> !evaluate.isAlive());
        }
        assertThat(temporary).isDirectoryNotContaining("glob:**lyne-tokens*");
    }

    /** The server comes last: each command waits for it, says so, and does its work. */
    @Test
    void trainEvaluateAndLoad_beforeTheirTeacher_waitForItAndSaySo() throws Exception {
        var tiny = new TinyTraining(shared);
        Path bare = Files.createDirectory(shared.resolve("bare"));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(tiny.teacher().resolve(file), bare.resolve(file));
        }
        Path config = Files.createDirectory(shared.resolve("student")).resolve("config.json");
        Files.copy(tiny.teacher().resolve("config.json"), config);
        String text = tiny.text().toString();
        Map<String, String> commands = Map.of(
                "train",
                "--alpha 0.9 --steps 1 --context 32 --student " + config + " --corpus " + text + " --out "
                        + shared.resolve("run"),
                "evaluate",
                "--context 32 --windows 4 --model " + bare + " --corpus " + text,
                "load",
                "--retry-seconds 300 --students 1 --in-flight 2 --tokens 16 --warm-up 0 --duration 8");
        List<ChildProcess> waiting = new ArrayList<>();
        try {
            for (var command : commands.entrySet()) {
                String line = command.getKey() + " --teacher " + tiny.address() + " " + command.getValue();
                waiting.add(ChildProcess.start(
                        command.getKey(), tiny.log(command.getKey()), 1, "256m", List.of(line.split(" "))));
            }
            for (String name : commands.keySet()) {
                Awaitility.await()
                        .atMost(Duration.ofMinutes(2))
                        .until(() -> Files.readString(tiny.log(name)).contains("waiting for a teacher for "));
            }
            try (ChildProcess server = tiny.serve()) {
                for (ChildProcess command : waiting) {
                    command.awaitSuccess();
                }
                assertThat(server.isAlive()).isTrue();
            }
        } finally {
            waiting.forEach(ChildProcess::close);
        }
    }

    @Test
    void evaluate_endThatTheModelAloneNames_standsBehindDocumentsWhereverTheTokenizerIs() throws Exception {
        var tiny = new TinyTraining(shared);
        Path config = tiny.teacher().resolve("config.json");
        Files.writeString(
                config, Files.readString(config).replaceFirst("\"eos_token_id\" : null", "\"eos_token_id\" : 0"));
        Path words = Files.createDirectory(shared.resolve("words"));
        Files.move(tiny.teacher().resolve("tokenizer.json"), words.resolve("tokenizer.json"));
        Files.delete(tiny.teacher().resolve("tokenizer_config.json"));
        InProcessCommand evaluate = InProcessCommand.succeed(List.of(
                "evaluate",
                "--model",
                tiny.teacher().toString(),
                "--tokenizer",
                words.toString(),
                "--corpus",
                tiny.text().toString(),
                "--context",
                "32",
                "--windows",
                "4"));
        assertThat(evaluate.err()).contains("EOS 0 <|endoftext|> (eos_token_id of the student's config.json)");
    }

    @Test
    void evaluate_tokenizerOfAnotherDirectory_isTheSameAsItsOwn() throws Exception {
        var tiny = new TinyTraining(shared);
        Path bare = Files.createDirectory(shared.resolve("bare"));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(tiny.teacher().resolve(file), bare.resolve(file));
        }
        List<String> common =
                List.of("--corpus", tiny.text().toString(), "--context", "32", "--windows", "4", "--threads", "1");
        List<Path> reports = List.of(shared.resolve("own.json"), shared.resolve("named.json"));
        List<String> own =
                new ArrayList<>(List.of("evaluate", "--model", tiny.teacher().toString()));
        List<String> named = new ArrayList<>(List.of(
                "evaluate",
                "--model",
                bare.toString(),
                "--tokenizer",
                tiny.teacher().toString()));
        for (List<String> command : List.of(own, named)) {
            command.addAll(common);
            command.addAll(List.of("--json", reports.get(command == own ? 0 : 1).toString()));
            InProcessCommand.succeed(command);
        }
        assertThat(reports.get(1)).hasSameTextualContentAs(reports.get(0));
    }
}
