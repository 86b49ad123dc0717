package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.ModelRuntimeOptions;
import dev.lyne.cli.common.TemporaryDirectory;
import dev.lyne.load.bench.Growth;
import dev.lyne.load.bench.GrowthBenchmark;
import dev.lyne.load.page.GrowthPage;
import dev.lyne.load.process.Home;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Rates as the work grows. */
@Command(
        name = "growth",
        description = {
            "Positions a second as the work grows: over parameters, length, entries a row, vocabulary, students and replicas, each",
            "beside the limit that bounds it (the best matrix product, the bare forward, a bare stream), as a page of plots.",
            "About fifteen minutes on two cores."
        },
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchGrowth implements Callable<Integer> {
    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Directory of report.html.")
    private Path out;

    @Option(names = "--rounds", defaultValue = "3", description = "Rounds of each (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--most-parameters",
            defaultValue = "1.2e9",
            paramLabel = "N",
            description =
                    "Largest model that is made, with random weights; each takes 16 bytes a parameter while it is made"
                            + " (default: ${DEFAULT-VALUE}).")
    private double mostParameters;

    @Mixin
    private ModelRuntimeOptions runtime;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        Path page = Files.createDirectories(out).resolve("report.html");
        JsonReport.requireWritable("--out", page);
        try (var scratch = TemporaryDirectory.create("lyne-bench")) {
            var benchmark = new GrowthBenchmark(runtime.options(), rounds, mostParameters, System.err::println);
            Growth growth = benchmark.run(Home.demoTeacher(), scratch.path());
            GrowthPage.of(growth).write(page.toAbsolutePath());
            json.report(growth);
        }
        System.err.println("report " + page);
        return 0;
    }
}
