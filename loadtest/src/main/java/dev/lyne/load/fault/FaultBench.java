package dev.lyne.load.fault;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.Home;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.student.train.RunDirectory;
import dev.lyne.student.train.RunSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;

/**
 * What cases of faults are made of: a tiny student on the shipped held-out text, in processes of its own, and synthetic teachers whose
 * rows are over the shipped tokenizer's ids. Equal rows give equal weights whoever sent them, so a student that met a fault ends with
 * the weights of one that did not, or something was wrong with a row.
 */
public final class FaultBench {
    private static final String CONFIGURATION = """
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 32, "intermediate_size": 64,
             "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 4096,
             "max_position_embeddings": 64, "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 0}
            """;

    private static final int BATCH = 8;
    private static final int CONTEXT = 64;

    private final Path scratch;
    private final boolean brief;

    public FaultBench(Path scratch, boolean brief) throws IOException {
        this.scratch = scratch;
        this.brief = brief;
        Files.writeString(scratch.resolve("config.json"), CONFIGURATION);
    }

    /** A student process and when it began. */
    record Student(String name, ChildProcess process, long startNanos) implements AutoCloseable {
        double seconds() {
            return (System.nanoTime() - startNanos) / 1e9;
        }

        @Override
        public void close() {
            process.close();
        }
    }

    /** Whether the cases are to be as short as they can be. */
    boolean brief() {
        return brief;
    }

    /** One of two numbers, for the short form and for the whole. */
    double either(double ifBrief, double otherwise) {
        return brief ? ifBrief : otherwise;
    }

    /** Steps that a student takes. */
    int steps() {
        return brief ? 24 : 240;
    }

    /** Tokens a second at which a teacher keeps the student busy for as long as a case needs, start-up not counted. */
    int rate() {
        return (int) (steps() * BATCH * CONTEXT / either(4, 30));
    }

    /** Starts a synthetic teacher at that rate. */
    ServerProcess teacher(String name, String... settings) throws IOException {
        return teacher(name, rate(), List.of(), settings);
    }

    /** Starts a synthetic teacher at a rate of its own, with further options of {@code serve}. */
    ServerProcess teacher(String name, int tokensPerSecond, List<String> options, String... settings)
            throws IOException {
        List<String> all =
                new ArrayList<>(List.of("tokenizer=" + Home.demoTeacher(), "tokens_per_second=" + tokensPerSecond));
        all.addAll(Arrays.asList(settings));
        return ServerProcess.start(log(name), "synthetic:" + String.join(",", all), 192, options);
    }

    /** Starts a student of those teachers, which goes on from its own checkpoints where it has any. */
    Student student(String name, List<String> teachers, String... more) throws IOException {
        return student(name, "256m", teachers, more);
    }

    Student student(String name, String heap, List<String> teachers, String... more) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("train", "--resume", "--from-start", "--name", name));
        arguments.addAll(List.of("--out", directory(name).toString()));
        arguments.addAll(List.of("--student", scratch.resolve("config.json").toString()));
        arguments.addAll(List.of("--tokenizer", Home.demoTeacher().toString()));
        arguments.addAll(
                List.of("--corpus", Home.example().resolve("held-out.jsonl.gz").toString()));
        arguments.addAll(List.of("--cache", scratch.resolve("tokens").toString()));
        arguments.addAll(List.of("--context", "" + CONTEXT, "--batch", "" + BATCH, "--steps", "" + steps()));
        arguments.addAll(List.of("--samples", "0", "--threads", "1", "--seed", "5"));
        arguments.addAll(List.of("--alpha", "0.7", "--top-k", "16", "--in-flight", "24"));
        arguments.addAll(List.of("--teacher", String.join(",", teachers)));
        arguments.addAll(Arrays.asList(more));
        long start = System.nanoTime();
        return new Student(name, ChildProcess.start("student " + name, log(name), 1, heap, arguments), start);
    }

    /** What a student printed for people. */
    String said(String name) throws IOException {
        return Files.exists(log(name)) ? Files.readString(log(name)) : "";
    }

    /** Steps that a run has written down. */
    long stepsTaken(String name) throws IOException {
        Path metrics = new RunDirectory(directory(name)).metrics();
        return Files.exists(metrics) ? Files.readAllLines(metrics).size() : 0;
    }

    /** Checkpoints that a run has left. */
    List<String> checkpoints(String name) throws IOException {
        Path checkpoints = new RunDirectory(directory(name)).checkpoints();
        if (!Files.isDirectory(checkpoints)) {
            return List.of();
        }
        try (var entries = Files.list(checkpoints)) {
            return entries.map(entry -> entry.getFileName().toString())
                    .filter(entry -> entry.startsWith("step-"))
                    .sorted()
                    .toList();
        }
    }

    byte[] weights(String name) throws IOException {
        return Files.readAllBytes(new RunDirectory(directory(name)).model().resolve("model.safetensors"));
    }

    /** Targets used over targets needed; absent where the run has none. */
    OptionalDouble coverage(String name) throws IOException {
        Double coverage = RunSummary.read(new RunDirectory(directory(name)).summary())
                .targets()
                .coverage();
        return coverage == null ? OptionalDouble.empty() : OptionalDouble.of(coverage);
    }

    private Path directory(String name) {
        return scratch.resolve(name);
    }

    Path log(String name) {
        return scratch.resolve(name + ".log");
    }
}
