package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every command with files that are none, are damaged, or say what cannot be: one line of words that a user has written or can look up. */
final class BrokenInputsTest {
    /** Form of a name of a class, a record or a parser's feature. */
    private static final Pattern CLASS_LIKE =
            Pattern.compile("\\b(?:java|javax|dev|tools|com|org|io|picocli)\\.[a-z]+\\.[A-Za-z.]*"
                    + "|\\w*(?:Exception|Throwable)\\b|\\b[A-Z]\\w*\\[\\w+=|JsonToken|[A-Z]\\w+Feature|\\bat \\w+\\.\\w+\\("
                    + "|\\bclass \\w+|START_OBJECT|START_ARRAY|VALUE_|Optional\\.|null\\b");

    private static final List<byte[]> CONTENTS = Stream.of(
                    "",
                    "[",
                    "{",
                    "{\"a\": 1, \"a\": 2}",
                    "{\"steps\": 1} trailing",
                    "null",
                    "\"text\"",
                    "7",
                    "NaN",
                    "- 1\n- 2\n",
                    "a: b: c\n",
                    "key: [1,\n",
                    "\tsteps: 1\n",
                    "top_k: {a: 1}\n",
                    "top_k: null\n",
                    "no_such_key: 1\n",
                    "? [x]\n: y\n",
                    "{\"format\": \"lyne-load-2\", \"steps\": {}}",
                    "{\"format\": \"lyne-load-1\"}",
                    "{\"format\": \"lyne-load-2\", \"surprise\": 1}",
                    "name: x\ntitle: y\nseeds: [a]\n",
                    "name: x\ntitle: y\nseeds: [1]\nheld_out_windows: 2\nsettings: {}\naxes: [{name: 1}]\n",
                    "[".repeat(3_000))
            .map(text -> text.getBytes(StandardCharsets.UTF_8))
            .toList();

    @TempDir
    private Path directory;

    private static void assertRefused(List<String> arguments) {
        InProcessCommand outcome = InProcessCommand.run(arguments);
        String told = arguments + " → " + outcome;
        assertThat(outcome.code()).as(told).isIn(1, 2);
        List<String> lines = outcome.err()
                .lines()
                .filter(line -> !line.startsWith("Try '") && !line.startsWith("Did you mean: "))
                .filter(line -> !line.startsWith("tokenising ") && !line.startsWith("seed "))
                .toList();
        assertThat(lines).as(told).hasSize(1);
        assertThat(lines.get(0)).as(told).startsWith("lyne: ");
        assertThat(CLASS_LIKE.matcher(lines.get(0)).find()).as(told).isFalse();
        assertThat(lines.get(0)).as(told).doesNotContainPattern("\\bPT[0-9]"); // a duration as a program writes it
    }

    private static List<String> words(String command) {
        return List.of(command.split(" "));
    }

    private List<String> with(String command, Path file) {
        String text = command.replace("FILE", file.toString()).replace("DIR", directory.toString());
        return words(text);
    }

    private static Stream<String> commandsThatReadAFile() {
        return Stream.of(
                "train --config FILE",
                "pretrain --config FILE",
                "capture --config FILE",
                "serve --config FILE",
                "study --config FILE --out DIR/out --dry-run",
                "study --config FILE --out DIR/out",
                "load --merge FILE FILE",
                "load --compare FILE FILE",
                "plan --calibration FILE",
                "plan --tokens-per-second 9 --bytes-per-position 9 --hits FILE",
                "bench write --name x --figures FILE --into FILE",
                "train --out DIR/run --student FILE --corpus FILE",
                "evaluate --model FILE --corpus FILE",
                "serve --teacher FILE",
                "serve --replay FILE",
                "score --teacher localhost:1 --tokenizer FILE text");
    }

    @ParameterizedTest
    @MethodSource("commandsThatReadAFile")
    void brokenFile_isOneLineWithoutNamesOfClasses(String command) throws IOException {
        List<byte[]> contents = new ArrayList<>(CONTENTS);
        contents.add(new byte[] {(byte) 0xff, (byte) 0xfe, 0, 1, 2});
        for (int i = 0; i < contents.size(); i++) {
            assertRefused(with(command, Files.write(directory.resolve("in-" + i + ".json"), contents.get(i))));
        }
        assertRefused(with(command, directory.resolve("nowhere")));
        assertRefused(with(command, Files.createDirectories(directory.resolve("a-directory"))));
    }

    /** A model directory whose file of that name is broken. */
    @ParameterizedTest
    @ValueSource(strings = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"})
    void brokenModel_isOneLineWithoutNamesOfClasses(String name) throws IOException {
        Path teacher = Path.of("..", "examples", "state-of-the-union", "teacher");
        Path model = Files.createDirectories(directory.resolve("model"));
        for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
            Files.copy(teacher.resolve(file), model.resolve(file));
        }
        Path text = Files.writeString(directory.resolve("text.txt"), "some words");
        for (byte[] content : CONTENTS) {
            if (new String(content, StandardCharsets.UTF_8).startsWith("{\"") && name.equals("tokenizer_config.json")) {
                continue; // an object that names no token is one
            }
            Files.write(model.resolve(name), content);
            assertRefused(words("evaluate --model " + model + " --corpus " + text));
        }
    }

    @Test
    void brokenCapture_isOneLineWithoutNamesOfClasses() throws IOException {
        Path capture = Files.createDirectories(directory.resolve("capture"));
        for (byte[] content : CONTENTS) {
            Files.write(capture.resolve("manifest.json"), content);
            assertRefused(words("serve --replay " + capture));
        }
    }

    private static Stream<String> wrongValues() {
        return Stream.of(
                "load --teacher localhost:1 --students x",
                "load --teacher localhost:1 --students 99999999999",
                "load --teacher localhost:1 --start-at tomorrow",
                "load --teacher localhost:1 --arrivals never",
                "load --teacher localhost:1 --row-precision best",
                "load --teacher localhost:1 --rate fast",
                "load --teacher localhost:1 --steps 1,two",
                "load --teacher localhost:1 --tokens many",
                "load --teacher localhost:1 --selection best",
                "load --teacher localhost:1 --positions most",
                "load --teacher localhost:1 --duration -1",
                "load --teacher localhost:1 --duration 0",
                "load --teacher localhost:1 --retry-seconds -1",
                "load --teacher localhost:1 --retry-seconds NaN",
                "load --teacher localhost:1 --stall NaN",
                "load --teacher localhost:1 --think-ms Infinity",
                "evaluate --model x --corpus y --retry-seconds NaN",
                "plan --tokens-per-second 1e3 --bytes-per-position NaN",
                "load --teacher localhost --duration 1",
                "load",
                "serve --teacher demo --batch-tokens x",
                "serve --teacher demo --listen nowhere",
                "serve --teacher demo --listen 127.0.0.1:99999",
                "serve --teacher synthetic:speed=1",
                "serve --teacher demo --device tpu",
                "serve --teacher demo --precision int8",
                "serve",
                "plan --students x",
                "plan --vary students=a --tokens-per-second 1 --bytes-per-position 1",
                "plan --vary nothing=1 --tokens-per-second 1 --bytes-per-position 1",
                "plan --tokens-per-second 1e3 --bytes-per-position 9 --stagger 1e400",
                "plan --tokens-per-second 1e3 --bytes-per-position 9 --stagger 1e6 --students 999999",
                "plan --tokens-per-second 1e3 --bytes-per-position 9 --warm-up 1e400",
                "plan --tokens-per-second 1e3 --bytes-per-position 9 --think-ms 1e400",
                "plan --tokens-per-second 1e3 --bytes-per-position 9 --batch-overhead-ms 1e400",
                "evaluate --model x",
                "evaluate --model x --corpus y --context x",
                "health --teacher nowhere",
                "health --wait -1",
                "score text",
                "score --teacher localhost:1 --stuck-seconds 1e-50 text",
                "train --teacher localhost:1 --alpha 1 --retry-seconds 1e-50 --out o --student s --corpus c",
                "bench codec --rounds x",
                "bench sharing --rounds best",
                "bench loss --loss best",
                "bench nothing",
                "bench serve --students 0",
                "bench stall --readers 0",
                "bench codec --rounds 0",
                "bench sharing --corpus nowhere",
                "serve --teacher demo --drain-seconds -1",
                "serve --teacher demo --batch-deadline-ms -1",
                "load --teacher localhost:1 --threads 0",
                "load --teacher localhost:1 --metrics nowhere",
                "train --out= --student s --corpus c",
                "demo --out pom.xml",
                "tokenizer train --corpus x --out y --vocabulary-size x",
                "train --batch x --out o --student s --corpus c",
                "train --out",
                "train extra",
                "train",
                "capture --temperatures x",
                "study",
                "completion fish",
                "demo --seed x",
                "nothing",
                "load --teacher localhost:1 --json /dev/zero/file");
    }

    @ParameterizedTest
    @MethodSource("wrongValues")
    void wrongValue_isOneLineWithoutNamesOfClasses(String command) {
        assertRefused(words(command));
    }
}
