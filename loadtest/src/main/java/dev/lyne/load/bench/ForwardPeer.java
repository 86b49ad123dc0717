package dev.lyne.load.bench;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Another implementation's forward in a process of its own, which runs only while it is asked. */
final class ForwardPeer implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 10;

    /** Implementations that there is a script for. */
    enum Kind {
        /** PyTorch by `transformers`, the faster of its attentions. */
        TRANSFORMERS,
        /** vLLM's engine, without HTTP. */
        VLLM;

        /** As it is spelt on a command line. */
        String text() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** The kind of that name. */
        static Kind of(String name) {
            for (Kind kind : values()) {
                if (kind.text().equals(name)) {
                    return kind;
                }
            }
            throw new IllegalArgumentException("--against: " + name + " (expected: transformers or vllm)");
        }

        /** Entries of a row that it is asked for. With them, vLLM's time is that of making Python objects, so it is asked for the label alone. */
        int k() {
            return this == TRANSFORMERS ? ForwardComparison.K : 0;
        }
    }

    /**
     * What a peer computes.
     *
     * @param device as PyTorch names it
     * @param precision as PyTorch names it
     */
    record Job(Path model, String device, String precision, int threads, List<int[]> ids) {}

    private final Kind kind;
    private final String python;
    private final Process process;
    private final BufferedWriter asked;
    private final BufferedReader answers;
    private final String version;
    private final String attention;

    private ForwardPeer(Kind kind, String python, Process process, Job job) throws IOException {
        this.kind = kind;
        this.python = python;
        this.process = process;
        this.asked = process.outputWriter(StandardCharsets.UTF_8);
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        JsonNode ready = ask(JsonMapper.shared()
                .writeValueAsString(Map.of(
                        "model", job.model().toString(),
                        "device", job.device(),
                        "precision", job.precision(),
                        "threads", job.threads(),
                        "k", kind.k(),
                        "ids", job.ids())));
        this.version = ready.path("version").asString("");
        this.attention = ready.path("attention").asString("");
    }

    /**
     * Starts it, loads the model and warms it up.
     *
     * @param python an interpreter that can import the peer, or the folder of its virtual environment
     * @throws IOException if there is no such peer
     */
    static ForwardPeer start(Kind kind, String python, Job job, Path scratch) throws IOException {
        Path script = scratch.resolve("peer_" + kind.text() + ".py");
        try (InputStream source =
                ForwardPeer.class.getResourceAsStream(script.getFileName().toString())) {
            if (source == null) {
                throw new IllegalStateException(script.getFileName() + ": not on the class path");
            }
            Files.write(script, source.readAllBytes());
        }
        String interpreter = Files.isDirectory(Path.of(python))
                ? Path.of(python, "bin", "python").toString()
                : python;
        var builder = new ProcessBuilder(interpreter, script.toString()).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("OMP_NUM_THREADS", Integer.toString(job.threads()));
        builder.environment().remove("OMP_WAIT_POLICY"); // threads that sleep at once are this project's choice
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            throw absent(kind, interpreter, "it cannot be started", e);
        }
        try {
            return new ForwardPeer(kind, interpreter, process, job);
        } catch (Throwable e) {
            process.destroyForcibly();
            throw e;
        }
    }

    /** Who it is, with the version of what it stands on. */
    String version() {
        return version;
    }

    /** The attention that was the faster one. */
    String attention() {
        return attention;
    }

    /** Seconds of one forward with its selection. */
    double seconds() throws IOException {
        double seconds = ask("").path("seconds").asDouble(0);
        if (!(seconds > 0)) {
            throw new IOException(kind.text() + ": a round of " + seconds + " s (expected: above 0)");
        }
        return seconds;
    }

    private JsonNode ask(String line) throws IOException {
        String answer;
        try {
            asked.write(line);
            asked.newLine();
            asked.flush();
            answer = answers.readLine();
        } catch (IOException e) {
            throw absent(kind, python, "it ended; what it said is above", e);
        }
        if (answer == null) {
            throw absent(kind, python, "it ended; what it said is above", null);
        }
        try {
            return JsonMapper.shared().readTree(answer);
        } catch (JacksonException e) {
            throw absent(kind, python, "it answered '" + answer + "'", e);
        }
    }

    private static IOException absent(Kind kind, String python, String reason, @Nullable Exception cause) {
        return new IOException(
                "--peer-python: " + python + ": " + reason + " (expected: a Python that can import " + kind.text()
                        + ")",
                cause);
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
