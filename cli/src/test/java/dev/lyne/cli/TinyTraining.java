package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.student.train.RunDirectory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.json.JsonMapper;

/** A teacher, a text and students of a few seconds, each in a process of its own. */
final class TinyTraining {
    static final int STEPS = 24;

    private static final Path EXAMPLE = Path.of("..", "examples", "state-of-the-union");

    /** A teacher that has learnt something. */
    static final Path EXAMPLE_TEACHER = EXAMPLE.resolve("teacher");

    private final Path shared;
    private final Path teacher;
    private final Path text;
    private final int port;

    /** @param shared directory that everything is written to */
    TinyTraining(Path shared) throws IOException {
        this.shared = shared;
        teacher = Files.createDirectory(shared.resolve("teacher"));
        var shape = ModelConfiguration.llama(new ModelConfiguration.Sizes(4096, 64, 32, 2), 2, 1, 64, 10_000.0, true);
        var options = new ModelOptions("cpu", ComputePrecision.FLOAT32, 1);
        try (var model =
                TrainableModel.create(shape, 3, options, OptimizerOptions.defaults(), LossScript.crossEntropy())) {
            model.export(teacher, "float32");
        }
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(EXAMPLE_TEACHER.resolve(file), teacher.resolve(file));
        }
        text = Files.writeString(shared.resolve("text.txt"), excerpt());
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
    }

    /** The beginning of the shipped held-out text. */
    private static String excerpt() throws IOException {
        try (var in = new GZIPInputStream(Files.newInputStream(EXAMPLE.resolve("held-out.jsonl.gz")))) {
            StringBuilder text = new StringBuilder();
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                text.append(JsonMapper.shared().readTree(line).get("text").asString())
                        .append('\n');
            }
            return text.substring(0, 40_000);
        }
    }

    /** Where the server listens. */
    String address() {
        return "127.0.0.1:" + port;
    }

    int port() {
        return port;
    }

    /** Directory of the teacher. */
    Path teacher() {
        return teacher;
    }

    /** The text. */
    Path text() {
        return text;
    }

    /** Tokens of the text, so many from a place on. */
    int[] tokens(int from, int count) throws IOException {
        try (Tokenizer tokenizer = Tokenizer.load(teacher)) {
            return Arrays.copyOfRange(tokenizer.encode(Files.readString(text)), from, from + count);
        }
    }

    /** A server, ready; always at the same port. */
    ChildProcess serve() throws IOException {
        return serve("server", List.of("--deterministic", "--threads", "1", "--teacher", teacher.toString()));
    }

    /** A server of whatever those arguments name, ready; always at the same port. */
    ChildProcess serve(String name, List<String> source) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("serve", "--listen", "127.0.0.1:" + port));
        arguments.addAll(source);
        ChildProcess server = ChildProcess.start(name, log(name), 1, "256m", arguments);
        assertThat(server.readLine()).contains("\"listening\"");
        return server;
    }

    /** A student of the server, which resumes where it can. */
    ChildProcess train(String name, int checkpointEvery) throws IOException {
        return train(name, checkpointEvery, List.of("--top-k", "16"));
    }

    /** The same with a selection of its own. */
    ChildProcess train(String name, int checkpointEvery, List<String> selection) throws IOException {
        return train(name, asking(name, checkpointEvery, selection));
    }

    /** The same, which stands still at breakpoints. */
    ChildProcess train(String name, int checkpointEvery, Breakpoints breakpoints) throws Exception {
        return start(name, asking(name, checkpointEvery, List.of("--top-k", "16")), breakpoints);
    }

    /** A command of those arguments, which stands still at breakpoints. */
    ChildProcess start(String name, List<String> arguments, Breakpoints breakpoints) throws Exception {
        ChildProcess command = ChildProcess.start(name, log(name), 1, "256m", breakpoints.environment(), arguments);
        breakpoints.attach();
        return command;
    }

    /** A student of those arguments. */
    ChildProcess train(String name, List<String> arguments) throws IOException {
        return ChildProcess.start(name, log(name), 1, "256m", arguments);
    }

    /** Arguments of a student of the server with a selection of its own, which resumes where it can. */
    List<String> asking(String name, int checkpointEvery, List<String> selection) {
        List<String> arguments = plainly(name, checkpointEvery);
        arguments.addAll(List.of("--teacher", address(), "--alpha", "0.7", "--in-flight", "8"));
        arguments.addAll(selection);
        return arguments;
    }

    /** Arguments of a student of a source, which resumes where it can. */
    List<String> learning(String name, int checkpointEvery, List<String> source) {
        List<String> arguments = plainly(name, checkpointEvery);
        arguments.addAll(List.of("--alpha", "0.7", "--top-k", "16", "--in-flight", "8"));
        arguments.addAll(source);
        return arguments;
    }

    /** Arguments of a capture of what the students of the server ask for. */
    List<String> capturing(String name, int shardWindows) {
        return List.of(
                "capture",
                "--out",
                shared.resolve(name).toString(),
                "--tokenizer",
                teacher.toString(),
                "--corpus",
                text.toString(),
                "--cache",
                shared.resolve("tokens").toString(),
                "--context",
                "32",
                "--top-k",
                "16",
                "--teacher",
                address(),
                "--threads",
                "1",
                "--shard-windows",
                Integer.toString(shardWindows));
    }

    /** Arguments of a student without a teacher, which resumes where it can. */
    List<String> plainly(String name, int checkpointEvery) {
        return new ArrayList<>(List.of(
                "train",
                "--resume",
                "--from-start",
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
                "--context",
                "32",
                "--batch",
                "4",
                "--steps",
                Integer.toString(STEPS),
                "--checkpoint-every",
                Integer.toString(checkpointEvery),
                "--samples",
                "0",
                "--threads",
                "1",
                "--seed",
                "5"));
    }

    Path log(String name) {
        return shared.resolve(name + ".log");
    }

    RunDirectory directory(String name) {
        return new RunDirectory(shared.resolve(name));
    }

    byte[] weights(String name) throws IOException {
        return Files.readAllBytes(directory(name).model().resolve("model.safetensors"));
    }

    List<String> metricsSteps(String name) throws IOException {
        List<String> steps = new ArrayList<>();
        for (String line : Files.readAllLines(directory(name).metrics())) {
            steps.add(line.substring(0, line.indexOf(',')));
        }
        return steps;
    }

    /** Where a checkpoint stands while it is written. */
    Path beingWritten(String name, long step) {
        return directory(name).checkpoints().resolve(".step-%06d.writing".formatted(step));
    }

    /** SIGKILL, and the process is gone. */
    static void kill(ChildProcess process) {
        ProcessHandle handle = ProcessHandle.of(process.pid()).orElseThrow();
        handle.destroyForcibly();
        handle.onExit().join();
    }
}
