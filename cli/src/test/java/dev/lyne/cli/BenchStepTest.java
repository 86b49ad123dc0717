package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The step's comparison with a peer: what it asks, what it refuses to compare, and what it says where there is no peer. */
final class BenchStepTest {
    @TempDir
    private Path directory;

    private final StringWriter errors = new StringWriter();

    /** A program in place of an interpreter: it gets the script's path and speaks like a peer. */
    private Path peer(String body) throws IOException {
        Path file = Files.writeString(directory.resolve("python"), "#!/bin/sh\n" + body);
        assertThat(file.toFile().setExecutable(true)).isTrue();
        return file;
    }

    private int run(String... arguments) {
        CommandLine lyne = Lyne.commandLine();
        lyne.setErr(new PrintWriter(errors, true));
        return lyne.execute(arguments);
    }

    @Test
    void step_aPeerOfAnotherLoss_exits1AfterItWasAskedForTheSameStep() throws IOException {
        Path job = directory.resolve("job");
        Path python = peer("read job; echo \"$job\" > " + job
                + "; echo '{\"version\":\"pretended 1\",\"attention\":\"sdpa\",\"loss\":1.5}'\nread round\n");
        assertThat(run(
                        "bench",
                        "step",
                        "--peer-python",
                        python.toString(),
                        "--shapes",
                        "demo",
                        "--losses",
                        "forward_kl",
                        "--rounds",
                        "1"))
                .isEqualTo(1);
        assertThat(errors.toString()).contains("pytorch: first loss 1.5 (expected: ", ", as here)");
        JsonNode asked = JsonMapper.shared().readTree(Files.readString(job));
        assertThat(asked.get("ids").size()).isEqualTo(16);
        assertThat(asked.get("ids").get(0).size()).isEqualTo(256);
        assertThat(asked.get("teacher_ids").size()).isEqualTo(16 * 255);
        assertThat(asked.get("teacher_ids").get(0).size()).isEqualTo(64);
        assertThat(asked.get("teacher_log_tail").size()).isEqualTo(16 * 255);
        assertThat(asked.get("memory").asBoolean(true)).isFalse();
    }

    @Test
    void step_interpreterWithoutThePeer_exits1AndSaysWhatIsExpected() throws IOException {
        Path python = peer("exit 3\n");
        assertThat(run("bench", "step", "--peer-python", python.toString(), "--shapes", "demo"))
                .isEqualTo(1);
        assertThat(errors.toString()).contains("expected: a Python that can import pytorch");
    }

    @Test
    void step_unknownPeerShapeOrLoss_isRefused() {
        assertThat(run("bench", "step", "--against", "jax")).isEqualTo(2);
        assertThat(errors.toString()).contains("--against: jax (expected: pytorch)");
        assertThat(run("bench", "step", "--shapes", "7b")).isEqualTo(2);
        assertThat(errors.toString()).contains("--shapes: 7b (expected: of [135m, demo])");
        assertThat(run("bench", "step", "--losses", "mse")).isEqualTo(2);
        assertThat(errors.toString()).contains("--losses: mse (expected: of [cross_entropy, forward_kl])");
    }
}
