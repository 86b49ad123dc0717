package dev.lyne.load.process;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import redis.embedded.core.ExecutableProvider;

/** A real Redis server in a process of its own, on a port of loopback that it keeps over restarts, and with memory that is bounded. */
public final class RedisProcess implements AutoCloseable {
    private static final int SECONDS_TO_END = 5;

    private final File executable;
    private final Path scratch;
    private final String memory;
    private final int port;
    private final Thread hook = new Thread(this::kill, "end-redis");
    private volatile Process process;

    private RedisProcess(File executable, Path scratch, String memory, int port) throws IOException {
        this.executable = executable;
        this.scratch = scratch;
        this.memory = memory;
        this.port = port;
        this.process = launch();
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /**
     * Starts one.
     *
     * @param scratch directory for its program and log
     * @param memory most that it keeps, as Redis takes it; what was used longest ago goes first
     */
    public static RedisProcess start(Path scratch, String memory) throws IOException {
        Files.createDirectories(scratch);
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        File executable =
                ExecutableProvider.newJarResourceProvider(scratch.toFile()).get();
        return new RedisProcess(executable, scratch, memory, port);
    }

    private Process launch() throws IOException {
        List<String> command = List.of(
                executable.getAbsolutePath(),
                "--bind",
                "127.0.0.1",
                "--port",
                Integer.toString(port),
                "--save",
                "",
                "--appendonly",
                "no",
                "--maxmemory",
                memory,
                "--maxmemory-policy",
                "allkeys-lru");
        Process started = new ProcessBuilder(command)
                .directory(scratch.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        scratch.resolve("redis.log").toFile()))
                .start();
        return started;
    }

    /** Returns the URL that {@code serve --shared-cache} takes. */
    public String url() {
        return "redis://127.0.0.1:" + port;
    }

    /** Whether its process is there, frozen or not. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** Sends a signal by name: STOP, CONT, KILL. */
    public void signal(String signal) throws IOException, InterruptedException {
        Signals.send("Redis", process.pid(), signal);
    }

    /** Starts it again, empty, where it has ended. */
    public void revive() throws IOException, InterruptedException {
        process.destroyForcibly().waitFor();
        process = launch();
    }

    private void kill() {
        process.destroyForcibly();
    }

    @Override
    public void close() {
        kill();
        try {
            boolean unused = process.waitFor(SECONDS_TO_END, TimeUnit.SECONDS);
            boolean unusedThere = Runtime.getRuntime().removeShutdownHook(hook);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IllegalStateException e) {
            return; // this process ends already, and the hook runs
        }
    }
}
