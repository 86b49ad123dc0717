package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.load.bench.ParityBenchmark;
import dev.lyne.load.process.Home;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A teacher's rows on a device against those of the CPU. */
@Command(
        name = "parity",
        description = {
            "A teacher's log-probabilities on a device, in each precision, against those of the CPU in float32, on held-out text.",
            "Fails where they are further apart than the precision explains."
        },
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchParity implements Callable<Integer> {
    @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda:N (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(
            names = "--teacher",
            defaultValue = "demo",
            description = "A Hugging Face model directory, or demo (default: ${DEFAULT-VALUE}).")
    private String teacher;

    @Option(
            names = "--sequences",
            defaultValue = "16",
            description = "Windows of 256 positions (default: ${DEFAULT-VALUE}).")
    private int sequences;

    @Option(
            names = "--precisions",
            split = ",",
            paramLabel = "PRECISION",
            defaultValue = "float32,bfloat16",
            description = "float32, bfloat16, float16 (default: ${DEFAULT-VALUE}).")
    private List<String> precisions;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        List<ComputePrecision> asked =
                precisions.stream().map(ComputePrecision::of).toList();
        ParityBenchmark.Result result =
                new ParityBenchmark(device, System.err::println).run(Home.teacher(teacher), sequences, asked);
        json.report(result);
        return result.isKept() ? 0 : 1;
    }
}
