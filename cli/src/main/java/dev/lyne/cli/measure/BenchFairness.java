package dev.lyne.cli.measure;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.FairnessBenchmark;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Command that measures what a modest student keeps beside greedy ones. */
@Command(
        name = "fairness",
        description =
                "A modest student beside greedy streams of another tenant and of its own, against itself alone, against a"
                        + " simulated schedule that is fair to the last token, and against a server that cuts no forwards. Exit code 1"
                        + " where it gets less than it should.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchFairness implements Callable<Integer> {
    @Option(
            names = "--fair-batch-millis",
            defaultValue = "100",
            paramLabel = "MS",
            description = "Longest forward while several streams wait (default: ${DEFAULT-VALUE}).")
    private long fairBatchMillis;

    @Option(
            names = "--duration",
            defaultValue = "6",
            paramLabel = "SECONDS",
            description =
                    "Time that each figure is taken over; three times that in an open loop (default: ${DEFAULT-VALUE}).")
    private long seconds;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        AtLeast.require("--fair-batch-millis", fairBatchMillis, 1);
        AtLeast.require("--duration", seconds, 1);
        json.requireWritable();
        FairnessBenchmark.Result result = new FairnessBenchmark(
                        Duration.ofMillis(fairBatchMillis), Duration.ofSeconds(seconds), System.err::println)
                .run();
        json.report(result);
        return result.holds() ? 0 : 1;
    }
}
