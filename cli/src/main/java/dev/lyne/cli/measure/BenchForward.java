package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.ForwardBenchmark;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The forward against the matrix product. */
@Command(
        name = "forward",
        description =
                "The forward with selection of a 134.5 M parameter Llama against the machine's matrix-product peak.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchForward implements Callable<Integer> {
    @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda:N (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(names = "--rounds", defaultValue = "7", description = "Rounds (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        Path scratch = Files.createTempDirectory("lyne-bench");
        try {
            json.report(new ForwardBenchmark(device, rounds, System.err::println).run(scratch));
        } finally {
            Files.delete(scratch);
        }
        return 0;
    }
}
