package dev.lyne.cli;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.load.bench.StallBenchmark;
import dev.lyne.teacher.model.LanguageModelTeacher;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What a student that stops reading costs the others. */
@Command(
        name = "stall",
        description = "Students beside one that has stopped reading, against the same students without it, and what the"
                + " server holds for it.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchStall implements Callable<Integer> {
    private static final int WINDOW = 32;
    private static final int STALLED_WINDOW = 1_024;

    @Option(
            names = "--readers",
            defaultValue = "2",
            description = "Student processes that go on reading (default: ${DEFAULT-VALUE}).")
    private int readers;

    @Option(names = "--top-k", defaultValue = "64", description = "Entries a row (default: ${DEFAULT-VALUE}).")
    private int k;

    @Option(names = "--tokens", defaultValue = "256", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(
            names = "--sequences",
            defaultValue = "32",
            description = "Sequences a reader and round; the stalled student asks for 8 times as many"
                    + " (default: ${DEFAULT-VALUE}).")
    private int sequences;

    @Option(names = "--rounds", defaultValue = "5", description = "Pairs of rounds (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        var teacher = LanguageModelTeacher.load(
                "bench", Home.demoTeacher(), new ModelOptions("cpu", ComputePrecision.FLOAT32, 0), false);
        var benchmark = new StallBenchmark(k, tokens, sequences, rounds, System.err::println);
        json.report(benchmark.run(
                teacher, BenchProcesses.starter(readers + 1, number -> number == readers ? STALLED_WINDOW : WINDOW)));
        return 0;
    }
}
