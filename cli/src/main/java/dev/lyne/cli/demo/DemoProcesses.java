package dev.lyne.cli.demo;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.ServerProcess;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The processes of a demo: a teacher server, and students that train side by side, with their progress on a stream. */
final class DemoProcesses {
    /** A file that tells an earlier demo's directory from anybody else's. */
    static final String MARKER = "lyne-demo";

    private static final long SERVER_HEAP_MIB = 1_024;
    private static final long MILLIS_BETWEEN_LINES = 2_000;

    private final Path out;
    private final PrintStream text;

    /** @param out where all of them write */
    DemoProcesses(Path out, PrintStream text) {
        this.out = out;
        this.text = text;
    }

    /** Marks the directory as a demo's and starts the server. */
    ServerProcess startServer() throws IOException {
        Files.writeString(
                out.resolve(MARKER), "Made by `lyne demo`, which removes this directory when it runs again.\n");
        return ServerProcess.start(out.resolve("server.log"), "demo", SERVER_HEAP_MIB, List.of("--threads", "2"));
    }

    /**
     * Trains students until all are done, or one fails, which ends the others.
     *
     * @param what they do, for people
     * @param students arguments of each, by name; its run has that name too
     * @param steps of each
     */
    void train(String what, Map<String, List<String>> students, int steps) throws IOException, InterruptedException {
        List<ChildProcess> running = new ArrayList<>();
        List<String> told = new ArrayList<>();
        try {
            for (Map.Entry<String, List<String>> one : students.entrySet()) {
                String name = one.getKey();
                running.add(ChildProcess.start(
                        "the " + name + " student", out.resolve(name + ".log"), 1, "1g", one.getValue()));
                told.add(name + " (process " + running.get(running.size() - 1).pid() + ")");
            }
            text.printf("%s: %s%n", String.join(", ", told), what);
            DemoProgress progress = new DemoProgress(text, List.copyOf(students.keySet()), out, steps);
            while (running.stream().anyMatch(ChildProcess::isAlive)) {
                progress.print();
                TimeUnit.MILLISECONDS.sleep(MILLIS_BETWEEN_LINES);
                for (ChildProcess student : running) {
                    if (!student.isAlive()) {
                        student.awaitSuccess();
                    }
                }
            }
            progress.print();
            for (ChildProcess student : running) {
                student.awaitSuccess();
            }
        } finally {
            running.forEach(ChildProcess::close);
        }
    }
}
