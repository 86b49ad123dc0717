package dev.lyne.load.bench;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.Home;
import dev.lyne.load.process.ServerFigures;
import dev.lyne.load.process.ServerProcess;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntUnaryOperator;

/** Rounds of one teacher server and several student trainers, each in a process of its own, one epoch of a corpus each. */
final class SharingRun {
    /** Heap of a server beside its cache. */
    private static final long SERVER_MIB = 1_024;

    /** So small that the teacher, not the students, takes the machine's time. */
    private static final String STUDENT = """
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 64,
             "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 32,
             "hidden_act": "silu", "vocab_size": 4096, "max_position_embeddings": 512, "rms_norm_eps": 1e-05,
             "rope_theta": 10000.0, "tie_word_embeddings": true, "attention_bias": false, "mlp_bias": false,
             "bos_token_id": 0, "eos_token_id": 0}
            """;

    private final Path corpus;
    private final Path scratch;
    private final PrintStream text;
    private int rounds;

    /** @param scratch directory for runs and logs */
    SharingRun(Path corpus, Path scratch, PrintStream text) throws IOException {
        this.corpus = corpus;
        this.scratch = scratch;
        this.text = text;
        Files.writeString(scratch.resolve("student.config.json"), STUDENT);
    }

    /**
     * Students of a round, and caches of its server.
     *
     * @param staggerSeconds between the starts of two students
     * @param memoryCacheMib rows that the server may keep in memory
     * @param diskCacheMib rows that it may keep on disk, in a directory of its own; 0: no disk tier
     */
    record Setting(int students, int staggerSeconds, long memoryCacheMib, long diskCacheMib) {}

    /**
     * Runs the students to their end against a fresh server.
     *
     * @param seeds seed of a student's order, by its number
     * @return what the server counted
     */
    ServerFigures round(Setting setting, IntUnaryOperator seeds) throws IOException, InterruptedException {
        Path directory = Files.createDirectory(scratch.resolve("round-" + rounds++));
        List<ChildProcess> started = new ArrayList<>();
        List<String> caches = new ArrayList<>(List.of("--cache-mib", Long.toString(setting.memoryCacheMib())));
        if (setting.diskCacheMib() > 0) {
            caches.addAll(List.of("--disk-cache", directory.resolve("rows").toString()));
            caches.addAll(List.of("--disk-cache-mib", Long.toString(setting.diskCacheMib())));
        }
        try (ServerProcess server = ServerProcess.start(
                directory.resolve("server.log"), "demo", setting.memoryCacheMib() + SERVER_MIB, caches)) {
            ServerProcess.Ready ready = server.awaitReady();
            for (int number = 0; number < setting.students(); number++) {
                if (number > 0) {
                    TimeUnit.SECONDS.sleep(setting.staggerSeconds());
                }
                started.add(startStudent(directory, number, ready.listening(), seeds.applyAsInt(number)));
            }
            text.printf("%d students started; logs in %s%n", setting.students(), directory);
            for (ChildProcess student : started) {
                student.awaitSuccess();
            }
            return ServerFigures.scrape(ready.metrics());
        } finally {
            started.forEach(ChildProcess::close);
        }
    }

    private ChildProcess startStudent(Path directory, int number, String teacher, int seed) throws IOException {
        String name = "student-" + number;
        return ChildProcess.start(
                name,
                directory.resolve(name + ".log"),
                1,
                "512m",
                List.of(
                        "train",
                        "--name",
                        name,
                        "--out",
                        directory.resolve(name).toString(),
                        "--student",
                        scratch.resolve("student.config.json").toString(),
                        "--tokenizer",
                        Home.demoTeacher().toString(),
                        "--corpus",
                        corpus.toString(),
                        "--cache",
                        scratch.resolve("tokens").toString(),
                        "--teacher",
                        teacher,
                        "--alpha",
                        "1",
                        "--row-precision",
                        "exact", // long rows, so that a tenth of them is some MiB
                        "--seed",
                        Integer.toString(seed),
                        "--samples",
                        "0",
                        "--threads",
                        "1"));
    }
}
