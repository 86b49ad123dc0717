package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.CodecBenchmark;
import dev.lyne.load.process.Home;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The compact block codec on the example teacher's rows. */
@Command(
        name = "codec",
        description = "Size, accuracy and speed of compact blocks on rows of the example's teacher, held-out text.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchCodec implements Callable<Integer> {
    @Option(names = "--top-k", defaultValue = "64", description = "Entries a row (default: ${DEFAULT-VALUE}).")
    private int k;

    @Option(names = "--rounds", defaultValue = "60", description = "Rounds (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--teacher",
            paramLabel = "DIR",
            defaultValue = "demo",
            description = "A model directory, or demo (default: ${DEFAULT-VALUE}).")
    private String teacher;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        Path corpus = Home.example().resolve("held-out.jsonl.gz");
        json.report(new CodecBenchmark(k, rounds, System.err::println).run(Home.teacher(teacher), corpus));
        return 0;
    }
}
