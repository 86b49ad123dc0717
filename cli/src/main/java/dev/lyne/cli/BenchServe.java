package dev.lyne.cli;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.load.bench.ServeBenchmark;
import dev.lyne.teacher.model.LanguageModelTeacher;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Serving against the forward. */
@Command(
        name = "serve",
        description =
                "Rows served to student processes against the bare forward of the same batches in the server's process.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchServe implements Callable<Integer> {
    private static final int WINDOW = 32;

    @Option(
            names = "--teacher",
            defaultValue = "demo",
            paramLabel = "DIR",
            description = "Model directory (default: ${DEFAULT-VALUE}).")
    private String teacher;

    @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda:N (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(
            names = "--precision",
            defaultValue = "float32",
            description = "float32, bfloat16 or float16 (default: ${DEFAULT-VALUE}).")
    private String precision;

    @Option(names = "--students", defaultValue = "4", description = "Student processes (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(names = "--top-k", defaultValue = "64", description = "Entries a row (default: ${DEFAULT-VALUE}).")
    private int k;

    @Option(names = "--tokens", defaultValue = "256", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(
            names = "--sequences",
            defaultValue = "64",
            description = "Sequences a student and round (default: ${DEFAULT-VALUE}).")
    private int sequences;

    @Option(names = "--rounds", defaultValue = "7", description = "Rounds (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        var model = LanguageModelTeacher.load(
                "bench", Home.teacher(teacher), new ModelOptions(device, ComputePrecision.of(precision), 0), false);
        var benchmark = new ServeBenchmark(students, k, tokens, sequences, rounds, System.err::println);
        json.report(benchmark.run(model, BenchProcesses.starter(students, number -> WINDOW)));
        return 0;
    }
}
