package dev.lyne.cli.measure;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.OverloadBenchmark;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Command that measures what a server still does when too much is asked of it. */
@Command(
        name = "overload",
        description =
                "Sequences answered a second when three times as many are asked for as a server can, against what it can; how"
                        + " long accepted ones wait, and whether refused ones are told when to ask again. Exit code 1 where it falls short.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchOverload implements Callable<Integer> {
    @Option(
            names = "--max-queue-millis",
            defaultValue = "10000",
            paramLabel = "MS",
            description = "Longest that a sequence may wait for the device (default: ${DEFAULT-VALUE}).")
    private long maxQueueMillis;

    @Option(
            names = "--duration",
            defaultValue = "20",
            paramLabel = "SECONDS",
            description = "Time that each figure is taken over (default: ${DEFAULT-VALUE}).")
    private long seconds;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        AtLeast.require("--max-queue-millis", maxQueueMillis, 1);
        AtLeast.require("--duration", seconds, 1);
        json.requireWritable();
        OverloadBenchmark.Result result = new OverloadBenchmark(
                        Duration.ofMillis(maxQueueMillis), Duration.ofSeconds(seconds), System.err::println)
                .run();
        json.report(result);
        return result.holds() ? 0 : 1;
    }
}
