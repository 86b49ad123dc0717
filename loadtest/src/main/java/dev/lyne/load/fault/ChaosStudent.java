package dev.lyne.load.fault;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A place for a student: it is trained, started again with {@code --resume} where it ends early, as a supervisor would, and trained anew
 * from the beginning when it has finished, for as long as there is time. One thread uses it.
 */
final class ChaosStudent implements AutoCloseable {
    private static final int FAILED = 1;
    private static final long RESTART_NANOS = 1_000_000_000L;

    /** How long after a write that failed a process may be there still. */
    private static final long MOST_TO_END_NANOS = 20_000_000_000L;

    private final FaultBench bench;
    private final String name;
    private final long seed;
    private final int checkpointEvery;

    private final List<Finished> finished = new ArrayList<>();
    private final List<String> unexpectedEnds = new ArrayList<>();
    private List<String> teachers = List.of();
    private int rounds;
    private int restarts;
    private long roundStartNanos;
    private FaultBench.@Nullable Student process;
    private boolean diskIsFull;
    private OptionalLong roomAtNanos = OptionalLong.empty();
    private long launchedMillis;
    private long restartAtNanos;
    private byte @Nullable [] expected;

    /**
     * A student that finished.
     *
     * @param coverage targets used over targets needed
     * @param sameWeights whether it has those of the first one of this place
     */
    record Finished(String name, double seconds, double coverage, boolean sameWeights) {}

    ChaosStudent(FaultBench bench, int number) {
        this.bench = bench;
        this.name = "student-" + number;
        this.seed = 5 + number;
        this.checkpointEvery = Math.max(1, bench.steps() / 8);
    }

    /**
     * Begins to train one.
     *
     * @param addresses of its teachers, which stay whatever becomes of these
     */
    void begin(List<String> addresses) throws IOException {
        teachers = List.copyOf(addresses);
        rounds++;
        restartAtNanos = 0;
        roundStartNanos = System.nanoTime();
        launch();
    }

    private void launch() throws IOException {
        roomAtNanos = OptionalLong.empty();
        launchedMillis = System.currentTimeMillis();
        process = bench.student(
                run(),
                teachers,
                "--seed",
                Long.toString(seed),
                "--checkpoint-every",
                Integer.toString(checkpointEvery),
                "--retry-seconds",
                "120");
    }

    /** Returns the student's name. */
    String name() {
        return name;
    }

    /** Name of the run that is under way. */
    String run() {
        return name + "-run-" + rounds;
    }

    /** Whether a process of it is there. */
    boolean isAlive() {
        return process != null && process.process().isAlive();
    }

    /** Returns whether the student takes steps: it is there, and has taken one since its process was started. */
    boolean trains() throws IOException {
        return isAlive() && bench.lastStepMillis(run()) > launchedMillis;
    }

    /** Whether its process has ended with the code of a failure, and not by a signal. */
    boolean hasFailed() throws IOException, InterruptedException {
        return process != null
                && !process.process().isAlive()
                && process.process().awaitEnd(1) == FAILED;
    }

    /** Whether one is under way, or waits to be started again. */
    boolean isBusy() {
        return process != null;
    }

    long pid() {
        return requireProcess().process().pid();
    }

    private FaultBench.Student requireProcess() {
        if (process == null) {
            throw new IllegalStateException(name + " is not there (expected: a process)");
        }
        return process;
    }

    /** Sends a signal by name: STOP, CONT, KILL. */
    void signal(String signal) throws IOException, InterruptedException {
        requireProcess().process().signal(signal);
    }

    /** Whether its disk is full: then it may fail, and is not started again before there is room. */
    void diskIsFull(boolean full) {
        if (diskIsFull && !full) {
            roomAtNanos = OptionalLong.of(System.nanoTime());
        }
        diskIsFull = full;
    }

    /** Does not start it again for so long. */
    void stayAway(long millis) {
        restartAtNanos = System.nanoTime() + millis * 1_000_000;
    }

    /** Looks after it: whoever finished is counted, whoever ended early is started again. */
    void look() throws IOException, InterruptedException {
        if (process == null || process.process().isAlive()) {
            return;
        }
        int code = process.process().awaitEnd(1);
        if (code == 0) {
            process.close();
            process = null;
            finished.add(outcome());
            return;
        }
        if (restartAtNanos == 0) { // seen for the first time
            if (!(code == FAILED && diskWasFull() && namesTheDisk(lastWords()))) {
                unexpectedEnds.add(run() + " exited with " + code + ": " + lastWords());
            }
            restartAtNanos = System.nanoTime() + RESTART_NANOS;
        }
        if (!diskIsFull && System.nanoTime() - restartAtNanos >= 0) {
            process.close();
            restartAtNanos = 0;
            restarts++;
            bench.keepLog(run(), restarts);
            launch();
        }
    }

    /** Whether a last line says that a file could not grow, for want of room or for its bound. */
    static boolean namesTheDisk(String line) {
        return line.startsWith("lyne: ")
                && (line.contains("File too large") || line.contains("No space left on device"));
    }

    /** Whether its disk is full, or was a moment ago: a process takes a while to end. */
    private boolean diskWasFull() {
        return diskIsFull
                || (roomAtNanos.isPresent() && System.nanoTime() - roomAtNanos.getAsLong() < MOST_TO_END_NANOS);
    }

    private Finished outcome() throws IOException {
        byte[] weights = bench.weights(run());
        if (expected == null) {
            expected = weights;
        }
        OptionalDouble coverage = bench.coverage(run());
        return new Finished(
                run(),
                (System.nanoTime() - roundStartNanos) / 1e9,
                coverage.orElse(Double.NaN),
                Arrays.equals(weights, expected));
    }

    private String lastWords() throws IOException {
        List<String> lines = bench.said(run()).lines().toList();
        return lines.isEmpty() ? "nothing said" : lines.get(lines.size() - 1);
    }

    /** Steps of the run that is under way, or that was. */
    long steps() throws IOException {
        return bench.stepsTaken(run());
    }

    /** Steps of all its runs but the first, which nothing disturbed. */
    long stepsUnderFaults() throws IOException {
        return (rounds - 2L) * bench.steps() + steps();
    }

    /** Returns the runs that finished, the first of them undisturbed. */
    List<Finished> finished() {
        return finished;
    }

    /** Runs that were begun. */
    int rounds() {
        return rounds;
    }

    int restarts() {
        return restarts;
    }

    /** Ends that no fault explains. */
    List<String> unexpectedEnds() {
        return unexpectedEnds;
    }

    @Override
    public void close() {
        if (process != null) {
            process.close();
        }
    }
}
