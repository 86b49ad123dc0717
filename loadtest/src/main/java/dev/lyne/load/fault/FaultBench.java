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
 * Processes that cases of faults and runs of chaos are made of: student processes of one kind of work, and the servers
 * that they learn from. Equal rows give equal weights whoever sent them, so a student that met a fault ends with the
 * weights of one that did not, or something was wrong with a row.
 */
public final class FaultBench {
    private static final String TINY = """
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 32, "intermediate_size": 64,
             "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 4096,
             "max_position_embeddings": 64, "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 0}
            """;

    private final Path scratch;
    private final boolean brief;
    private final Work work;

    /**
     * Work of a student.
     *
     * @param configuration its {@code config.json}
     * @param windows windows a step
     * @param seconds that its teacher keeps it busy for at least, start-up not counted
     */
    private record Work(
            Path configuration, Path corpus, int context, int windows, int steps, double seconds, String learning) {
        /** Tokens of all its steps. */
        int tokens() {
            return steps * windows * context;
        }
    }

    private FaultBench(Path scratch, boolean brief, Work work) {
        this.scratch = scratch;
        this.brief = brief;
        this.work = work;
    }

    /** A tiny student on the shipped held-out text, and synthetic teachers whose rows are over the shipped tokenizer's ids. */
    public static FaultBench tiny(Path scratch, boolean brief) throws IOException {
        return tiny(scratch, brief, brief ? 24 : 240, brief ? 4 : 30);
    }

    private static FaultBench tiny(Path scratch, boolean brief, int steps, double seconds) throws IOException {
        Path configuration = scratch.resolve("config.json");
        Files.writeString(configuration, TINY);
        return new FaultBench(
                scratch,
                brief,
                new Work(
                        configuration, Home.heldOut(), 64, 8, steps, seconds, "--alpha 0.7 --top-k 16 --in-flight 24"));
    }

    /** Returns the bench for chaos in short: the tiny students, for long enough to meet a few faults. */
    public static FaultBench tinyForChaos(Path scratch) throws IOException {
        return tiny(scratch, true, 96, 20);
    }

    /** The students of the quick demo, and servers of the teacher that ships with Lyne. */
    public static FaultBench quickDemo(Path scratch) {
        return new FaultBench(
                scratch,
                false,
                new Work(
                        Home.example().resolve("student.config.json"),
                        Home.corpus(),
                        256,
                        8,
                        24,
                        0,
                        "--alpha 0.9 --top-k 64 --learning-rate 2e-3 --warmup-steps 1"));
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

    /** Whether times are told and not judged. */
    boolean brief() {
        return brief;
    }

    /** Returns one of two numbers: for the short form, or for the whole. */
    double either(double ifBrief, double otherwise) {
        return brief ? ifBrief : otherwise;
    }

    /** Steps that a student takes. */
    int steps() {
        return work.steps();
    }

    /** Tokens a second at which a teacher keeps a student busy for as long as its work lasts. */
    int rate() {
        return (int) (work.tokens() / work.seconds());
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

    /**
     * Starts one of several servers of so many students, whose rows are the same to the last bit, with further options of {@code serve}.
     */
    ServerProcess replica(String name, double studentsOfIt, List<String> options) throws IOException {
        List<String> all = new ArrayList<>(List.of("--deterministic"));
        all.addAll(options);
        if (work.seconds() > 0) {
            return teacher(name, (int) (rate() * studentsOfIt), all);
        }
        all.addAll(List.of("--threads", "1"));
        return ServerProcess.start(log(name), "demo", 512, all);
    }

    /** Starts a student of those teachers, which goes on from its own checkpoints where it has any. */
    Student student(String name, List<String> teachers, String... more) throws IOException {
        return student(name, work.seconds() > 0 ? "256m" : "768m", teachers, more);
    }

    Student student(String name, String heap, List<String> teachers, String... more) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("train", "--resume", "--from-start", "--name", name));
        arguments.addAll(List.of("--out", directory(name).toString()));
        arguments.addAll(List.of("--student", work.configuration().toString()));
        arguments.addAll(List.of("--tokenizer", Home.demoTeacher().toString()));
        arguments.addAll(List.of("--corpus", work.corpus().toString()));
        arguments.addAll(List.of("--cache", scratch.resolve("tokens").toString()));
        arguments.addAll(List.of("--context", "" + work.context(), "--batch", "" + work.windows()));
        arguments.addAll(List.of("--steps", "" + work.steps(), "--samples", "0", "--threads", "1"));
        arguments.addAll(List.of(work.learning().split(" ")));
        arguments.addAll(List.of("--teacher", String.join(",", teachers)));
        arguments.addAll(Arrays.asList(more));
        if (!arguments.contains("--seed")) {
            arguments.addAll(List.of("--seed", "5"));
        }
        long start = System.nanoTime();
        // What it says is written down here, since its own disk may be full.
        return new Student(name, ChildProcess.startHeard("student " + name, log(name), 1, heap, arguments), start);
    }

    /** Returns the output of a student for people. */
    String said(String name) throws IOException {
        return Files.exists(log(name)) ? Files.readString(log(name)) : "";
    }

    /** Puts aside what a student printed, before it is started again. */
    void keepLog(String name, int number) throws IOException {
        Files.move(log(name), scratch.resolve(name + "-before-restart-" + number + ".log"));
    }

    /** Steps that a run has written down. */
    long stepsTaken(String name) throws IOException {
        Path metrics = new RunDirectory(directory(name)).metrics();
        return Files.exists(metrics) ? Files.readAllLines(metrics).size() : 0;
    }

    /** Returns the time at which a run wrote its last step down, on the clock of files; 0 where it has none. */
    long lastStepMillis(String name) throws IOException {
        Path metrics = new RunDirectory(directory(name)).metrics();
        return Files.exists(metrics) ? Files.getLastModifiedTime(metrics).toMillis() : 0;
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
