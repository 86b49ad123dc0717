package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.cli.common.HostPort;
import dev.lyne.load.process.ChildProcess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Wrong options, files and values: a user gets one line, and the right exit code. */
final class CommandLineTest {
    @TempDir
    private Path directory;

    private record Outcome(int code, String err) {}

    private static Outcome run(String... arguments) {
        StringWriter err = new StringWriter();
        int code = Lyne.execute(Lyne.commandLine().setErr(new PrintWriter(err, true)), List.of(arguments));
        return new Outcome(code, err.toString());
    }

    @Test
    void unknownCommand_isWrongUsage() {
        assertThat(run("teach").code()).isEqualTo(2);
    }

    @Test
    void unknownOption_isWrongUsageAndNamed() {
        Outcome outcome = run("serve", "--teacher", "demo", "--gpu");
        assertThat(outcome.code()).isEqualTo(2);
        assertThat(outcome.err()).contains("--gpu");
    }

    @Test
    void tokenizer_trainedTwiceIntoOneDirectory_leavesTheFirst() throws IOException {
        Path corpus = Files.writeString(directory.resolve("text.txt"), "the still boils and its vapour rises");
        Path out = directory.resolve("words");
        String[] command = {
            "tokenizer", "train", "--corpus", corpus.toString(), "--vocabulary-size", "270", "--out", out.toString()
        };
        assertThat(run(command).code()).isZero();
        String first = Files.readString(out.resolve("tokenizer.json"));
        Files.writeString(corpus, "another text altogether, another text");
        Outcome again = run(command);
        assertThat(again.code()).isEqualTo(2);
        assertThat(again.err())
                .isEqualTo("lyne: --out: " + out + " holds a tokenizer.json (expected: a directory without one)\n");
        assertThat(out.resolve("tokenizer.json")).hasContent(first);
    }

    @Test
    void capture_documentsWithoutAnEnd_isRefusedBeforeATeacherIsWaitedFor() throws IOException {
        Path tokenizer = Files.createDirectory(directory.resolve("tokenizer"));
        Files.copy(TinyTraining.EXAMPLE_TEACHER.resolve("tokenizer.json"), tokenizer.resolve("tokenizer.json"));
        Path corpus = Files.writeString(directory.resolve("text.txt"), "some words");
        Outcome outcome = run(
                "capture",
                "--teacher",
                "127.0.0.1:1",
                "--tokenizer",
                tokenizer.toString(),
                "--corpus",
                corpus.toString(),
                "--out",
                directory.resolve("captured").toString());
        assertThat(outcome.code()).isEqualTo(2);
        assertThat(outcome.err())
                .isEqualTo(
                        "lyne: eos: auto, but no file names one (expected: the id of the token that ends a document, or"
                                + " none)\n");
    }

    @Test
    void missingTeacherDirectory_saysWhatIsExpected() {
        Outcome outcome = run("serve", "--teacher", directory.resolve("nowhere").toString());
        assertThat(outcome.code()).isEqualTo(2);
        assertThat(outcome.err()).contains("nowhere").contains("Hugging Face model directory");
    }

    @Test
    void wrongAddress_saysWhatIsExpected() {
        assertThatThrownBy(() -> HostPort.parse("--listen", "127.0.0.1"))
                .hasMessageContaining("--listen: 127.0.0.1 (expected: HOST:PORT");
        assertThatThrownBy(() -> HostPort.parse("--listen", "127.0.0.1:70000")).hasMessageContaining("70000");
    }

    @Test
    void cachesThatCannotBe_areRefusedBeforeTheModelIsLoaded() throws IOException {
        String file = Files.createFile(directory.resolve("file")).toString();
        assertThat(serve("--disk-cache", file).err())
                .contains("disk cache: " + file + " (expected: a directory that this server can write)");
        assertThat(serve("--disk-cache", directory.toString(), "--disk-cache-mib", "1")
                        .err())
                .contains("disk cache bytes: 1048576 (expected: 4194304 or more)");
        assertThat(serve("--disk-cache-mib", "64").err())
                .contains("--disk-cache-mib: 64 (expected: only with --disk-cache DIR)");
        assertThat(serve("--shared-cache", "localhost").err())
                .contains("shared cache: localhost (expected: redis://HOST:PORT");
        assertThat(serve("--shared-cache", "redis://localhost:1", "--shared-cache-ttl-seconds", "0")
                        .err())
                .contains("--shared-cache-ttl-seconds: 0 (expected: 1 or more)");
        assertThat(serve("--shared-cache-budget-ms", "5").err()).contains("--shared-cache-budget-ms: 5 (expected");
        assertThat(serve("--cache-mib", "-1").err()).contains("--cache-mib: -1 (expected: 0..");
        assertThat(serve("--cache-mib", "100000000").err())
                .contains("--cache-mib 100000000 + 1.5 × --unsent-mib ")
                .contains(", four fifths of the heap of ");
        assertThat(serve("--kv-cache-mib", "100000000").err())
                .contains(" + --kv-cache-mib 100000000 + the process itself 512 = ")
                .contains(", what this machine or container has;");
    }

    private static Outcome serve(String... options) {
        Path teacher = Path.of("..", "examples", "state-of-the-union", "teacher");
        List<String> arguments = new ArrayList<>(List.of("serve", "--teacher", teacher.toString()));
        arguments.addAll(List.of(options));
        Outcome outcome = run(arguments.toArray(String[]::new));
        assertThat(outcome.code()).isEqualTo(2);
        return outcome;
    }

    @Test
    void alphaWithoutTeacher_isRefusedBeforeAnythingStarts() {
        Outcome outcome = run(
                "train",
                "--alpha",
                "0.5",
                "--out",
                directory.resolve("run").toString(),
                "--student",
                "x",
                "--corpus",
                "y");
        assertThat(outcome.code()).isEqualTo(2);
        assertThat(outcome.err()).contains("teacher");
        assertThat(directory.resolve("run")).doesNotExist();
    }

    @Test
    void valueOutOfRange_isRefusedWithValueAndRange() {
        Outcome outcome =
                run("train", "--context", "1", "--out", directory.toString(), "--student", "x", "--corpus", "y");
        assertThat(outcome.code()).isEqualTo(2);
        assertThat(outcome.err()).contains("context: 1 (expected: 2");
    }

    /** Each is refused before anything is loaded: DIR exists and is empty, and nothing else does. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "train --config DIR/none.yaml|--config: DIR/none.yaml does not exist (expected: a YAML file of settings)",
                "serve --config DIR/none.yaml|--config: DIR/none.yaml does not exist (expected: a YAML file of settings)",
                "train --recipe distilm|recipe: distilm (expected: pretraining_distillation, slim, random_sampling,"
                        + " gkd_off_policy, distillm_off_policy, akl, taid, lfm2, minillm, gkd, on_policy_distillation, distillm, distillm_2)",
                "serve --teacher DIR|--teacher: DIR holds no config.json (expected: a directory with one)",
                "serve --teacher DIR/none|--teacher: DIR/none is no directory (expected: a Hugging Face model"
                        + " directory, or demo)",
                "evaluate --model DIR/none --corpus DIR|--model: DIR/none is no directory (expected: a Hugging Face"
                        + " model directory)",
                "evaluate --model DIR --corpus DIR|--model: DIR holds no config.json (expected: a directory with one)",
                "generate --teacher localhost:1 --corpus DIR/none --out DIR/o|--corpus: DIR/none does not exist (expected: a file"
                        + " of JSON Lines with prompts)",
                "score --teacher localhost:1 --tokenizer DIR text|--tokenizer: DIR holds no tokenizer.json (expected:"
                        + " a directory with one)",
                "evaluate --model ../examples/state-of-the-union/teacher --tokenizer DIR --corpus DIR|--tokenizer: DIR holds"
                        + " no tokenizer.json (expected: a directory with one)",
                "train --teacher 127.0.0.1:1 --alpha 0.9 --out DIR/run --student DIR/none --corpus DIR/none|corpus: DIR/none"
                        + " does not exist (expected: a file of text or JSON Lines, plain or compressed with gzip or zstd,"
                        + " or a directory of such)",
                "train --teacher 127.0.0.1:1 --alpha 0.9 --out DIR/run --student DIR/none --corpus"
                        + " ../examples/state-of-the-union/held-out.jsonl.gz|student: DIR/none does not exist (expected: a"
                        + " model directory, or a config.json)",
                "tokenizer train --corpus DIR/none --out DIR|--corpus: DIR/none does not exist (expected: a file of text or"
                        + " JSON Lines, plain or compressed with gzip or zstd, or a directory of such)",
                "train --out DIR/run --student DIR/none --corpus DIR|student: DIR/none does not exist (expected: a"
                        + " model directory, or a config.json)",
                "pretrain --out DIR/run --student DIR --corpus DIR|student: DIR holds no config.json (expected: a"
                        + " directory with one)",
                "train --out DIR/run --student DIR --corpus DIR --steps 4 --warmup-steps 4|warmup_steps: 4 (expected:"
                        + " at most 3 of steps=4 with schedule=cosine)",
            })
    void wrongPathOrCombination_exits2WithOneLineThatNamesIt(String command, String message) {
        Outcome outcome = run(command.replace("DIR", directory.toString()).split(" "));
        assertThat(outcome.err()).isEqualTo("lyne: " + message.replace("DIR", directory.toString()) + "\n");
        assertThat(outcome.code()).isEqualTo(2);
        assertThat(directory.resolve("run")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--part 1/2|--seed: none with --part (expected: --seed N, the same for every part)",
                "--start-at 2026-01-01T00:00:00Z|--seed: none with --start-at (expected: --seed N, the same for every part)",
                "--max-failures 7|--max-failures: 7 (expected: a share 0..1, or per cent such as 5%)",
                "--max-failures x%|--max-failures: x% (expected: a share 0..1, or per cent such as 5%)",
                "--max-p99-ms 0|--max-p99-ms: 0.0 (expected: above 0)",
                "--min-positions-per-second -1|--min-positions-per-second: -1.0 (expected: above 0)",
            })
    void load_wrongGateOrNoSeed_isRefusedBeforeAnythingIsDialled(String options, String message) {
        List<String> arguments = new ArrayList<>(List.of("load", "--teacher", "127.0.0.1:1"));
        arguments.addAll(List.of(options.split(" ")));
        Outcome outcome = run(arguments.toArray(String[]::new));
        assertThat(outcome.err()).isEqualTo("lyne: " + message + "\n");
        assertThat(outcome.code()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"train", "pretrain", "capture"})
    void help_ofSettings_isGroupedMarksWhatIsRequiredAndEndsWithExamples(String command) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        PrintStream stderr = System.err;
        var warnings = new ByteArrayOutputStream();
        System.setErr(new PrintStream(warnings, true, StandardCharsets.UTF_8));
        try {
            int code = Lyne.commandLine()
                    .setOut(new PrintWriter(out, true))
                    .setErr(new PrintWriter(err, true))
                    .execute(command, "--help");
            assertThat(code).isZero();
        } finally {
            System.setErr(stderr);
        }
        assertThat(warnings.toString(StandardCharsets.UTF_8) + err).isEmpty();
        String help = out.toString();
        assertThat(help).contains("\nData\n", "\nTeacher\n", "\nTargets\n", "\nLoss\n", "\nSchedule\n", "\nRun\n");
        assertThat(help.indexOf("\nData\n")).isLessThan(help.indexOf("--corpus"));
        for (String required : List.of("--out=", "--corpus=")) {
            assertThat(help.substring(help.indexOf("  " + required)).replaceAll("\\s+", " "))
                    .as(required)
                    .matches("(?s)[^.]*Required\\..*");
        }
        String end = help.substring(help.stripTrailing().lastIndexOf("\n\n"));
        assertThat(end.lines().filter(line -> line.startsWith("  ./lyne " + command + " --")))
                .as(end)
                .hasSize(2);
        assertThat(end.lines()).as("nothing of an example is wrapped").noneMatch(line -> line.startsWith("--"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bash", "zsh"})
    void completion_ofAShell_knowsCommandsAndOptions(String shell) throws Exception {
        PrintStream stdout = System.out;
        var script = new ByteArrayOutputStream();
        System.setOut(new PrintStream(script, true, StandardCharsets.UTF_8));
        try {
            assertThat(run("completion", shell).code()).isZero();
        } finally {
            System.setOut(stdout);
        }
        Path file = Files.write(directory.resolve("lyne-completion"), script.toByteArray());
        assertThat(Files.readString(file)).contains("--top-k", "evaluate", "--max-p99-ms");
        Process bash = new ProcessBuilder(
                        "bash",
                        "-c",
                        "source " + (shell.equals("zsh") ? "<(tail -n +3 " + file + ")" : file)
                                + "; COMP_WORDS=(lyne ev); COMP_CWORD=1; _complete_lyne; echo ${COMPREPLY[*]}")
                .start();
        assertThat(new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .contains("evaluate");
    }

    /** Old names of options, each with the command that had it. */
    @ParameterizedTest
    @CsvSource({
        "train --k 4,--k,--top-k",
        "train --steps 4 --p=0.9,--p,--top-p",
        "pretrain --target-precision exact,--target-precision,--row-precision",
        "capture --fraction 0.1,--fraction,--top-fraction",
        "evaluate --model x --corpus y --teacher-k 5,--teacher-k,--top-k",
        "load --window 4,--window,--in-flight",
        "load --think=4,--think,--think-ms",
        "load --max-p99 4,--max-p99,--ramp-until-p99-ms",
        "plan --seconds 4,--seconds,--duration",
        "bench loss --losses none,--losses,--loss",
        "bench loss --vocabulary 8,--vocabulary,--vocabulary-size",
    })
    void oldNameOfAnOption_isRefusedWithTheNewOne(String command, String old, String renamed) {
        Outcome outcome = run(command.split(" "));
        assertThat(outcome.err()).isEqualTo("lyne: " + old + " is an old name (expected: " + renamed + ")\n");
        assertThat(outcome.code()).isEqualTo(2);
    }

    @Test
    void loadOnNobody_failsWithTheAddress() {
        Outcome outcome = run("load", "--teacher", "127.0.0.1:1", "--duration", "1", "--students", "1");
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.err()).contains("127.0.0.1:1");
    }

    @Test
    void loadOnNobody_afterItsTimeout_failsWithTheAddress() {
        Outcome outcome = run("load", "--teacher", "127.0.0.1:1", "--retry-seconds", "3");
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.err())
                .isEqualTo("lyne: teacher 127.0.0.1:1: connection refused (is ./lyne serve running there?)\n");
    }

    /** One name and one meaning in every command that dials a teacher; a load test alone does not wait by itself. */
    @ParameterizedTest
    @CsvSource({"train,600", "capture,600", "evaluate,600", "score,600", "load,0"})
    void retrySeconds_everyCommandThatDials_hasIt(String command, String expected) {
        CommandLine.Model.CommandSpec spec = Objects.requireNonNull(
                        Lyne.commandLine().getSubcommands().get(command))
                .getCommandSpec();
        assertThat(String.join(" ", spec.findOption("--retry-seconds").description()))
                .matches(".*\\(default: (" + expected + "|\\$\\{DEFAULT-VALUE}).*");
        assertThat(spec.findOption("--retry-seconds").defaultValue()).isIn(expected, null);
    }

    /** A teacher that nobody serves is not waited for, and nothing is written, where a setting cannot be. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "train --alpha 7|alpha: 7 (expected: from 0.0, at most 1.0)",
                "capture --part 4/4|part: 4/4 (expected: I/N, with I from 0 to N - 1)",
                "capture --merge --part 0/4|--merge: with --part (expected: alone, once all parts have run)",
                "capture --merge --estimate|--merge: with --estimate (expected: alone",
                "capture --context 1|context: 1 (expected: 2..16777216)",
                "capture --selection chosen|selection: chosen (expected: one that the student has no part in",
                "capture --bos first|bos: first (expected: ",
            })
    void settingsThatCannotBe_areRefusedBeforeATokenizerIsFetched(String given) throws IOException {
        String[] parts = given.split("\\|");
        Path text = Files.writeString(directory.resolve("text.txt"), "some text");
        Path student = Files.copy(
                Path.of("..", "examples", "state-of-the-union", "student.config.json"),
                directory.resolve("config.json"));
        Path out = directory.resolve("out");
        String line = parts[0] + " --teacher 127.0.0.1:1 --retry-seconds 60 --corpus " + text + " --student " + student
                + " --out " + out;
        Outcome outcome = run(line.split(" "));
        assertThat(outcome.code()).isEqualTo(2);
        assertThat(outcome.err()).contains(parts[1]);
        assertThat(out).doesNotExist();
    }

    @Test
    void childProcesses_runThisCommandLine() {
        assertThat(ChildProcess.MAIN_CLASS).isEqualTo(Lyne.class.getName());
    }
}
