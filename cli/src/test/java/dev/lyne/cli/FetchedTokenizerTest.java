package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's lines as they stand there: the tokenizer comes from the teacher's server. */
final class FetchedTokenizerTest {
    @TempDir
    Path shared;

    private static void run(TinyTraining tiny, String name, List<String> arguments) throws Exception {
        try (ChildProcess command = ChildProcess.start(name, tiny.log(name), 1, "256m", arguments)) {
            command.awaitSuccess();
        }
    }

    @Test
    void trainCaptureAndEvaluate_withoutATokenizer_takeTheTeachers() throws Exception {
        var tiny = new TinyTraining(shared);
        Path student = Files.createDirectory(shared.resolve("student")).resolve("config.json");
        Files.copy(tiny.teacher().resolve("config.json"), student);
        Path out = shared.resolve("run");
        String text = tiny.text().toString();
        try (ChildProcess server = tiny.serve()) {
            run(
                    tiny,
                    "train",
                    List.of(
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
            run(
                    tiny,
                    "capture",
                    List.of(
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
            run(
                    tiny,
                    "evaluate",
                    List.of(
                            "evaluate",
                            "--teacher",
                            tiny.address(),
                            "--model",
                            bare.toString(),
                            "--corpus",
                            text,
                            "--context",
                            "32"));
            assertThat(server.isAlive()).isTrue();
        }
    }
}
