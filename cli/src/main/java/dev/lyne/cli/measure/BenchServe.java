package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.load.bench.BenchRows;
import dev.lyne.load.bench.ServeBenchmark;
import dev.lyne.load.bench.StudentProcesses;
import dev.lyne.load.process.Home;
import dev.lyne.row.Precision;
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

    @Mixin
    private ModelRuntimeOptions runtime;

    @Option(names = "--students", defaultValue = "4", description = "Student processes (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--row-precision",
            defaultValue = "compact",
            paramLabel = "PRECISION",
            description = "How rows are coded: exact, half or compact (default: ${DEFAULT-VALUE}).")
    private Precision rowPrecision;

    @Option(
            names = "--hit-mib",
            defaultValue = "256",
            description = "MiB that the students read together in a round of hits (default: ${DEFAULT-VALUE}).")
    private int hitMib;

    @Mixin
    private BenchSize size;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        var model = LanguageModelTeacher.load("bench", Home.teacher(teacher), runtime.options(), false);
        var benchmark = new ServeBenchmark(
                students,
                new BenchRows(size.k, rowPrecision, size.tokens, size.sequences),
                size.rounds,
                (long) hitMib << 20,
                System.err::println);
        json.report(benchmark.run(model, StudentProcesses.starter(students, number -> WINDOW)));
        return 0;
    }
}
