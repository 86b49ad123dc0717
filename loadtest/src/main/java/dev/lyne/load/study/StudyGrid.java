package dev.lyne.load.study;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.Directories;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Trains the students of a study that are missing, each in a process of its own, so many at a time. After each one its result, the
 * table and the page stand. A student that fails is named, and the others go on.
 */
public final class StudyGrid {
    private static final int SECONDS_BETWEEN_LINES = 15;

    private final Study study;
    private final Path config;
    private final StudyDirectory directory;
    private final int parallel;
    private final StudyServer server;
    private final PrintStream text;
    private final Queue<StudyRun> waiting = new ConcurrentLinkedQueue<>();

    @GuardedBy("this")
    private final Map<String, StudyResult> results = new LinkedHashMap<>();

    @GuardedBy("this")
    private final List<String> failures = new ArrayList<>();

    @GuardedBy("this")
    private int ended;

    /** @param server of the study's teacher, for students that ask it */
    public StudyGrid(
            Study study, Path config, StudyDirectory directory, int parallel, StudyServer server, PrintStream text) {
        this.study = study;
        this.server = server;
        this.config = config;
        this.directory = directory;
        this.parallel = parallel;
        this.text = text;
    }

    /** Runs to the end; returns how many students failed. */
    public int run() throws IOException, InterruptedException {
        Map<String, StudyResult> found = directory.read(study);
        synchronized (this) {
            results.putAll(found);
        }
        // The files are what counts: the last line of a process that was killed may be missing.
        Files.write(
                directory.results(),
                found.values().stream().map(StudyResult::line).toList());
        for (String id : found.keySet()) {
            tidy(directory.run(id)); // where a killed process did not come to it
        }
        List<StudyRun> missing = study.runs().stream()
                .filter(run -> !found.containsKey(run.id()))
                .toList();
        text.printf(
                "%s: %d students, %d of them to train, %d at a time%n",
                study.name(), study.runs().size(), missing.size(), parallel);
        long start = System.nanoTime();
        // Those that others are chosen by come first.
        train(missing.stream().filter(run -> run.choice().isEmpty()).toList(), missing.size(), start);
        train(missing.stream().filter(run -> run.choice().isPresent()).toList(), missing.size(), start);
        synchronized (this) {
            StudyPage.write(study, results, directory.root());
            failures.forEach(text::println);
            return failures.size();
        }
    }

    private void train(List<StudyRun> runs, int missing, long start) throws InterruptedException {
        waiting.addAll(runs);
        var done = new CountDownLatch(parallel);
        List<Thread> crew = new ArrayList<>();
        for (int i = 0; i < parallel; i++) {
            Thread worker = new Thread(() -> work(done), "study-" + i);
            worker.setDaemon(true);
            worker.start();
            crew.add(worker);
        }
        while (!done.await(SECONDS_BETWEEN_LINES, TimeUnit.SECONDS)) {
            progress(missing, start);
        }
        for (Thread worker : crew) {
            worker.join();
        }
    }

    private synchronized void progress(int missing, long start) {
        long seconds = (System.nanoTime() - start) / 1_000_000_000L;
        String left = ended == 0 ? "" : ", about " + duration(seconds * (missing - ended) / ended) + " left";
        text.printf("%d of %d students, %s gone%s%n", ended, missing, duration(seconds), left);
    }

    private static String duration(long seconds) {
        return seconds < 3600
                ? "%d min %02d s".formatted(seconds / 60, seconds % 60)
                : "%d h %02d min".formatted(seconds / 3600, seconds / 60 % 60);
    }

    private void work(CountDownLatch done) {
        try {
            for (StudyRun run = waiting.poll(); run != null; run = waiting.poll()) {
                train(run);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            done.countDown();
        }
    }

    private void train(StudyRun run) throws InterruptedException {
        try {
            Path own = directory.run(run.id());
            List<String> arguments = new ArrayList<>(
                    List.of("study-student", config.toString(), directory.root().toString(), run.id()));
            if (run.asksServer()) {
                arguments.addAll(List.of("--teacher", server.address()));
            }
            try (ChildProcess student =
                    ChildProcess.start("student " + run.id(), own.resolve("student.log"), 1, "768m", arguments)) {
                student.awaitSuccess();
            }
            keep(run, StudyResult.read(directory.result(run.id())));
            tidy(own);
        } catch (IOException e) {
            synchronized (this) {
                failures.add(run.id() + " " + run.settings() + ": " + e.getMessage());
                ended++;
            }
        }
    }

    /** Leaves of a student that is done what is small. */
    private static void tidy(Path run) throws IOException {
        for (String left : List.of("checkpoints", "events", "model", "rollouts")) {
            if (Files.exists(run.resolve(left))) {
                Directories.delete(run.resolve(left));
            }
        }
    }

    private synchronized void keep(StudyRun run, StudyResult result) throws IOException {
        results.put(run.id(), result);
        ended++;
        Files.writeString(
                directory.results(), result.line() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        StudyPage.write(study, results, directory.root());
        text.printf(
                "%s done: held-out loss %.4f after %.0f s%n",
                run.id(), result.evaluation().nll(), result.seconds());
    }
}
