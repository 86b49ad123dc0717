package dev.lyne.load.bench;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Peer: another implementation in a process of its own, which runs only while it is asked: lines of JSON to and fro.
 */
final class PeerProcess implements AutoCloseable {
    private static final long TIMEOUT_SECONDS = 10;

    private final String peer;
    private final String python;
    private final Process process;
    private final BufferedWriter asked;
    private final BufferedReader answers;
    private final JsonNode ready;

    private PeerProcess(String peer, String python, Process process, Map<String, ?> job) throws IOException {
        this.peer = peer;
        this.python = python;
        this.process = process;
        this.asked = process.outputWriter(StandardCharsets.UTF_8);
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.ready = ask(JsonMapper.shared().writeValueAsString(job));
    }

    /** Way in which a peer is started. */
    record Start(String python, int threads, Map<String, String> environment, Path scratch) {}

    /**
     * Starts it, gives it its job and waits until it is warm.
     *
     * @param peer its name; its script is {@code peer_NAME.py}
     * @throws IOException if there is no such peer
     */
    static PeerProcess start(String peer, Start start, Map<String, ?> job) throws IOException {
        Path script = start.scratch().resolve("peer_" + peer + ".py");
        try (InputStream source =
                PeerProcess.class.getResourceAsStream(script.getFileName().toString())) {
            if (source == null) {
                throw new IllegalStateException(script.getFileName() + ": not on the class path");
            }
            Files.write(script, source.readAllBytes());
        }
        String interpreter = Files.isDirectory(Path.of(start.python()))
                ? Path.of(start.python(), "bin", "python").toString()
                : start.python();
        var builder = new ProcessBuilder(interpreter, script.toString()).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("OMP_NUM_THREADS", Integer.toString(start.threads()));
        builder.environment().remove("OMP_WAIT_POLICY"); // threads that sleep at once are this project's choice
        builder.environment().putAll(start.environment());
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            throw absent(peer, interpreter, "it cannot be started", e);
        }
        try {
            return new PeerProcess(peer, interpreter, process, job);
        } catch (Throwable e) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            throw e;
        }
    }

    /** Returns the peer's name. */
    String name() {
        return peer;
    }

    /** Returns the peer's name and version, with that of what it stands on. */
    String version() {
        return ready.path("version").asString("");
    }

    /** The attention that was the faster one. */
    String attention() {
        return ready.path("attention").asString("");
    }

    /** A number that it said of itself once it was warm; NaN where it said none of that name. */
    double number(String name) {
        return ready.path(name).asDouble(Double.NaN);
    }

    /** Seconds of one round. */
    double seconds() throws IOException {
        double seconds = ask("").path("seconds").asDouble(0);
        if (!(seconds > 0)) {
            throw new IOException(peer + ": a round of " + seconds + " s (expected: above 0)");
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
            throw absent(peer, python, "it ended; what it said is above", e);
        }
        if (answer == null) {
            throw absent(peer, python, "it ended; what it said is above", null);
        }
        try {
            return JsonMapper.shared().readTree(answer);
        } catch (JacksonException e) {
            throw absent(peer, python, "it answered '" + answer + "'", e);
        }
    }

    private static IOException absent(String peer, String python, String reason, @Nullable Exception cause) {
        return new IOException(
                "--peer-python: " + python + ": " + reason + " (expected: a Python that can import "
                        + peer.split("_")[0] + ")",
                cause);
    }

    /** Ends it and what it started: at the end of its input, or, where it does not end by itself, by force. */
    @Override
    public void close() {
        List<ProcessHandle> all = Stream.concat(Stream.of(process.toHandle()), process.descendants())
                .toList();
        try {
            asked.close();
            process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (IOException ended) {
            // before its input did
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            all.forEach(ProcessHandle::destroyForcibly);
        }
    }
}
