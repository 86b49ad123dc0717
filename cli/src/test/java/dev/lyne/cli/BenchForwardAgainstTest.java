package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The comparison with a peer: what it prints, with a process that only pretends to be one, and what it says where there is none. */
final class BenchForwardAgainstTest {
    @TempDir
    private Path directory;

    /** A program in place of an interpreter: it gets the script's path, speaks like a peer and takes half a second a round. */
    private Path peer(String body) throws IOException {
        Path file = Files.writeString(directory.resolve("python"), "#!/bin/sh\n" + body);
        assertThat(file.toFile().setExecutable(true)).isTrue();
        return file;
    }

    private final StringWriter errors = new StringWriter();

    private int run(String... arguments) {
        CommandLine lyne = Lyne.commandLine();
        lyne.setErr(new PrintWriter(errors, true));
        return lyne.execute(arguments);
    }

    @Test
    void forwardAgainst_aPeer_printsTheRatioAndItsInterval() throws IOException, InterruptedException {
        Path job = directory.resolve("job");
        Path started = directory.resolve("started");
        Path python = peer("sleep 600 >/dev/null 2>&1 & echo $! > " + started + "; read job; echo \"$job\" > " + job
                + "; echo '{\"version\":\"pretended 1\",\"attention\":\"sdpa\"}'\n"
                + "while read round; do echo '{\"seconds\":0.5}'; done\n");
        Path json = directory.resolve("figures.json");
        int exit = run(
                "bench",
                "forward",
                "--against",
                "transformers",
                "--peer-python",
                python.toString(),
                "--shapes",
                "demo",
                "--precisions",
                "float32",
                "--rounds",
                "2",
                "--json",
                json.toString());
        assertThat(exit).as(errors.toString()).isZero();
        JsonNode figures = JsonMapper.shared().readTree(Files.readString(json));
        assertThat(figures.get("peer").asString()).isEqualTo("transformers");
        assertThat(figures.get("peer_version").asString()).isEqualTo("pretended 1");
        assertThat(figures.get("best_product_gflops").asDouble()).isPositive();
        JsonNode line = figures.get("results").get(0);
        assertThat(line.get("shape").asString()).isEqualTo("demo");
        assertThat(line.get("precision").asString()).isEqualTo("float32");
        assertThat(line.get("peer_positions_per_second").asDouble()).isEqualTo(16 * 256 / 0.5);
        double ratio = line.get("lyne_over_peer").asDouble();
        assertThat(ratio).isBetween(line.get("low").asDouble(), line.get("high").asDouble());
        assertThat(line.get("lyne_positions_per_second").asDouble()).isPositive();
        assertThat(line.get("lyne_over_best_product").asDouble()).isPositive();
        JsonNode asked = JsonMapper.shared().readTree(Files.readString(job));
        assertThat(asked.get("k").asInt()).isEqualTo(64);
        assertThat(asked.get("ids").size()).isEqualTo(16);
        assertThat(asked.get("ids").get(0).size()).isEqualTo(256);
        awaitEnd(Long.parseLong(Files.readString(started).trim()));
    }

    /** Waits until a killed process is gone, or has no program any more until somebody collects it. */
    private static void awaitEnd(long process) {
        Awaitility.await("the end of process " + process + " with the peer that started it")
                .until(() -> ProcessHandle.of(process)
                        .flatMap(handle -> handle.info().command())
                        .isEmpty());
    }

    @Test
    void forwardAgainst_noSuchInterpreter_exits1AndSaysWhatIsExpected() {
        String missing = directory.resolve("nowhere").toString();
        assertThat(run("bench", "forward", "--against", "vllm", "--peer-python", missing, "--shapes", "demo"))
                .isEqualTo(1);
        assertThat(errors.toString()).contains(missing, "expected: a Python that can import vllm");
    }

    @Test
    void forwardAgainst_interpreterWithoutThePeer_exits1AndSaysWhatIsExpected() throws IOException {
        Path python = peer("exit 3\n");
        assertThat(run(
                        "bench",
                        "forward",
                        "--against",
                        "transformers",
                        "--peer-python",
                        python.toString(),
                        "--shapes",
                        "demo"))
                .isEqualTo(1);
        assertThat(errors.toString()).contains("expected: a Python that can import transformers");
    }

    @Test
    void forwardAgainst_unknownPeerOrShape_isRefused() {
        assertThat(run("bench", "forward", "--against", "llama.cpp")).isEqualTo(2);
        assertThat(errors.toString()).contains("--against: llama.cpp (expected: transformers or vllm)");
        assertThat(run("bench", "forward", "--against", "vllm", "--shapes", "7b"))
                .isEqualTo(2);
        assertThat(errors.toString()).contains("--shapes: 7b (expected: of [demo, 135m, 1024, 2048])");
    }
}
