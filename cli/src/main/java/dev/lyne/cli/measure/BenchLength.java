package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.LengthBenchmark;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Long sequences. */
@Command(
        name = "length",
        description = "Speed and memory of scoring one long sequence with the demo teacher's shape, by its length.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchLength implements Callable<Integer> {
    @Option(
            names = "--lengths",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "2048,8192,32768",
            description = "Lengths, in tokens (default: ${DEFAULT-VALUE}).")
    private List<Integer> lengths;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        json.requireWritable();
        json.report(new LengthBenchmark(System.err::println).run(lengths));
        return 0;
    }

    /** The process that each length has to itself. */
    @Command(name = "length-worker", hidden = true)
    @SuppressWarnings("NullAway.Init") // picocli sets the parameter
    static final class Worker implements Callable<Integer> {
        @Parameters(index = "0")
        private int length;

        @Override
        public Integer call() throws IOException {
            LengthBenchmark.measure(length).forEach(System.out::println);
            return 0;
        }
    }
}
