package dev.lyne.cli.measure;

import dev.lyne.load.plan.Workload;
import picocli.CommandLine.Option;

/** Options that say what the students of a capacity plan do. */
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class PlanWorkOptions {
    @Option(names = "--students", defaultValue = "8", description = "Students (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--step-seconds",
            defaultValue = "1",
            description =
                    "What a student's step takes without waiting, s; 0: it never computes (default: ${DEFAULT-VALUE}).")
    private double stepSeconds;

    @Option(
            names = "--sequences-per-step",
            defaultValue = "16",
            description = "Sequences a step (default: ${DEFAULT-VALUE}).")
    private int sequencesPerStep;

    @Option(
            names = "--in-flight",
            defaultValue = "64",
            description = "Sequences that a student keeps asked for or ready (default: ${DEFAULT-VALUE}).")
    private int window;

    @Option(
            names = "--think-ms",
            defaultValue = "0",
            description = "With --step-seconds 0: load's --think-ms, ms (default: ${DEFAULT-VALUE}).")
    private double thinkMillis;

    @Option(names = "--tokens", defaultValue = "256", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(
            names = "--positions",
            defaultValue = "0",
            description = "Positions wanted of a sequence (default: all with a label).")
    private int positions;

    @Option(
            names = "--corpus-sequences",
            defaultValue = "0",
            description = "Sequences of the corpus that all students go through (default: fresh ones for ever).")
    private long corpusSequences;

    @Option(names = "--same-order", description = "All students go through the corpus in one order.")
    private boolean sameOrder;

    @Option(
            names = "--stagger",
            defaultValue = "0",
            paramLabel = "S",
            description = "Time between the starts of students, s (default: ${DEFAULT-VALUE}).")
    private double staggerSeconds;

    @Option(
            names = "--repeated",
            defaultValue = "0",
            description = "Without a corpus: load's --repeated (default: ${DEFAULT-VALUE}).")
    private double repeated;

    @Option(names = "--pool", defaultValue = "256", description = "load's --pool (default: ${DEFAULT-VALUE}).")
    private int pool;

    @Option(names = "--seed", defaultValue = "1", description = "Seed (default: ${DEFAULT-VALUE}).")
    private long seed;

    Workload workload() {
        return new Workload(
                students,
                new Workload.Rhythm(stepSeconds, sequencesPerStep, window, thinkMillis / 1e3, staggerSeconds),
                new Workload.Sequences(
                        tokens, positions == 0 ? tokens - 1 : positions, corpusSequences, sameOrder, repeated, pool),
                seed);
    }
}
