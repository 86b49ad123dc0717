package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.BenchRows;
import dev.lyne.load.bench.LoadBenchmark;
import dev.lyne.load.bench.StudentProcesses;
import dev.lyne.row.Precision;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The load generator against what it measures. */
@Command(
        name = "load",
        description =
                "What the load generator reaches: of a synthetic teacher's configured rate, of the hits that students"
                        + " which only count reach, and of a bare gRPC stream.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchLoad implements Callable<Integer> {
    private static final int WINDOW = 32;

    @Option(names = "--students", defaultValue = "2", description = "Student processes (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--tokens-per-second",
            defaultValue = "20000",
            description = "Rate of the synthetic teacher (default: ${DEFAULT-VALUE}).")
    private double tokensPerSecond;

    @Option(
            names = "--row-precision",
            defaultValue = "compact",
            paramLabel = "PRECISION",
            description = "How rows are coded: exact, half or compact (default: ${DEFAULT-VALUE}).")
    private Precision rowPrecision;

    @Option(
            names = "--round-ms",
            defaultValue = "2000",
            description = "Length of a round, ms (default: ${DEFAULT-VALUE}).")
    private long roundMillis;

    @Mixin
    private BenchSize size;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        var benchmark = new LoadBenchmark(
                students,
                new BenchRows(size.k, rowPrecision, size.tokens, size.sequences),
                size.rounds,
                roundMillis,
                tokensPerSecond,
                System.err::println);
        json.report(benchmark.run(StudentProcesses.starter(students, number -> WINDOW)));
        return 0;
    }
}
