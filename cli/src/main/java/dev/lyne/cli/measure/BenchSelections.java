package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.SelectionBenchmark;
import dev.lyne.load.process.Home;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Command that measures what each kind of target costs the teacher. */
@Command(
        name = "selections",
        description = "Scoring held-out text with each kind of target, against scoring it with top-64.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchSelections implements Callable<Integer> {
    @Option(
            names = "--teacher",
            paramLabel = "DIR",
            defaultValue = "demo",
            description = "A model directory, or demo (default: ${DEFAULT-VALUE}).")
    private String teacher;

    @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda:N (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(
            names = "--sequences",
            defaultValue = "4",
            description = "Sequences of 256 tokens in the batch (default: ${DEFAULT-VALUE}).")
    private int sequences;

    @Option(names = "--rounds", defaultValue = "7", description = "Rounds (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        Path corpus = Home.example().resolve("held-out.jsonl.gz");
        json.report(new SelectionBenchmark(device, sequences, rounds, System.err::println)
                .run(Home.teacher(teacher), corpus));
        return 0;
    }
}
