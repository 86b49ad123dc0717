package dev.lyne.load.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A Lyne command in a process of its own, with this process's Java and class path. It ends with this process, however that
 * ends: closed on the way out, told by a shutdown hook, or noticing by itself that its parent is gone.
 */
public final class ChildProcess implements AutoCloseable {
    /** The command line, which is on the class path of whatever runs a command. */
    public static final String MAIN_CLASS = "dev.lyne.cli.Lyne";

    private static final String PARENT_VARIABLE = "LYNE_PARENT_PID";
    private static final List<String> OWN_OPTIONS = List.of(
            "-Xmx", "-XX:MaxDirectMemorySize", "-XX:+ExitOnOutOfMemoryError", "-Dlyne.home", "-javaagent", "-agent");
    /** Variables that are meant for the command that starts another, and for no other. */
    private static final Set<String> OF_ONE_COMMAND = Set.of(
            "LYNE_JSON",
            "LYNE_CONFIG",
            "LYNE_RECIPE",
            "LYNE_RESUME",
            "LYNE_FROM_START",
            "LYNE_FORK",
            "LYNE_FORK_OPTIMIZER");

    private static final int SECONDS_TO_END = 20;
    private static final long MILLIS_TO_HEAR = 5_000;

    private final String name;
    private final Process process;
    private final Path log;
    private final BufferedReader stdout;
    private final Thread hook;

    /** Writes down what the command says, where this process does. */
    private final Optional<Thread> hearing;

    private ChildProcess(String name, Process process, Path log, boolean heard) {
        this.name = name;
        this.process = process;
        this.log = log;
        this.stdout = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        this.hook = new Thread(process::destroy, "end-" + name);
        Runtime.getRuntime().addShutdownHook(hook);
        this.hearing = heard ? Optional.of(hear()) : Optional.empty();
    }

    private Thread hear() {
        Thread thread = new Thread(
                () -> {
                    try (InputStream said = process.getErrorStream();
                            OutputStream written = Files.newOutputStream(log)) {
                        said.transferTo(written);
                    } catch (IOException e) {
                        return; // it was ended from here, which closes what it says
                    }
                },
                "hear-" + name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** Waits until all that a command said that has ended is written down; a process of its own may keep that open. */
    private void heard() throws InterruptedException {
        if (hearing.isPresent()) {
            hearing.get().join(MILLIS_TO_HEAR);
        }
    }

    /**
     * Starts a command.
     *
     * @param log file that takes the command's stderr
     * @param threads threads of one tensor operation
     * @param heap largest Java heap, as -Xmx takes it
     */
    public static ChildProcess start(String name, Path log, int threads, String heap, List<String> arguments)
            throws IOException {
        return start(name, log, threads, heap, Map.of(), arguments);
    }

    /**
     * Starts a command whose stderr is written to the log by this process, which can where the command itself cannot.
     */
    public static ChildProcess startHeard(String name, Path log, int threads, String heap, List<String> arguments)
            throws IOException {
        makeFolderOf(log);
        return new ChildProcess(
                name, builder(threads, heap, Map.of(), arguments).start(), log, true);
    }

    /**
     * Starts a command with variables of its own.
     *
     * @param environment takes the place of this process's variables
     */
    public static ChildProcess start(
            String name, Path log, int threads, String heap, Map<String, String> environment, List<String> arguments)
            throws IOException {
        makeFolderOf(log);
        ProcessBuilder builder = builder(threads, heap, environment, arguments).redirectError(log.toFile());
        return new ChildProcess(name, builder.start(), log, false);
    }

    private static void makeFolderOf(Path log) throws IOException {
        if (log.getParent() != null) {
            Files.createDirectories(log.getParent());
        }
    }

    private static ProcessBuilder builder(
            int threads, String heap, Map<String, String> environment, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (OWN_OPTIONS.stream().noneMatch(option::startsWith)) {
                command.add(option);
            }
        }
        command.add("-Dlyne.home=" + Home.directory());
        command.addAll(List.of(
                "-Xmx" + heap,
                "-XX:MaxDirectMemorySize=" + heap,
                "-XX:+ExitOnOutOfMemoryError",
                "-cp",
                System.getProperty("java.class.path"),
                MAIN_CLASS));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().keySet().removeAll(OF_ONE_COMMAND);
        builder.environment().putAll(environment);
        builder.environment().put("OMP_NUM_THREADS", Integer.toString(threads));
        builder.environment().put("OMP_WAIT_POLICY", "passive");
        builder.environment()
                .put(PARENT_VARIABLE, Long.toString(ProcessHandle.current().pid()));
        return builder;
    }

    /** Ends this process once the one that started it as a child is gone. */
    public static void endWithParent() {
        String parent = System.getenv(PARENT_VARIABLE);
        if (parent == null) {
            return;
        }
        Thread watcher = new Thread(
                () -> {
                    ProcessHandle.of(Long.parseLong(parent))
                            .ifPresent(handle -> handle.onExit().join());
                    Runtime.getRuntime().exit(1);
                },
                "watch-parent");
        watcher.setDaemon(true);
        watcher.start();
    }

    /** The next line that the command prints; fails with the end of its log when it prints no more. */
    public String readLine() throws IOException {
        String line = stdout.readLine();
        if (line == null) {
            throw new IOException(name + " ended without the line it owed" + logTail());
        }
        return line;
    }

    /** Sends a line to the command's stdin. */
    public void writeLine(String line) throws IOException {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
    }

    /** Sends a signal by name: STOP, CONT, KILL. */
    public void signal(String signal) throws IOException, InterruptedException {
        Signals.send(name, pid(), signal);
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public long pid() {
        return process.pid();
    }

    /** Waits for the command's end, so long at most, and gives its exit code. */
    public int awaitEnd(double seconds) throws IOException, InterruptedException {
        if (!process.waitFor((long) (seconds * 1e3), TimeUnit.MILLISECONDS)) {
            throw new IOException(name + " had not ended after " + Math.round(seconds) + " s" + logTail());
        }
        heard();
        return process.exitValue();
    }

    /** Waits for the command's end; fails with the end of its log unless it exits with 0. */
    public void awaitSuccess() throws IOException, InterruptedException {
        int code = process.waitFor();
        heard();
        if (code != 0) {
            throw new IOException(name + " failed with exit code " + code + logTail());
        }
    }

    private String logTail() throws IOException {
        if (!Files.exists(log)) {
            return "";
        }
        List<String> lines = Files.readAllLines(log);
        return "; the end of " + log + ":\n  "
                + String.join("\n  ", lines.subList(Math.max(0, lines.size() - 8), lines.size()));
    }

    /** Asks the command to end, and ends it where it does not. */
    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(SECONDS_TO_END, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException alreadyShuttingDown) {
            hook.setName("ended-" + name); // the hook runs, or has run
        }
    }
}
