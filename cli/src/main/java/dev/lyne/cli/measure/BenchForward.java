package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.TemporaryDirectory;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.load.bench.CpuFeatures;
import dev.lyne.load.bench.ForwardBenchmark;
import dev.lyne.load.bench.ForwardComparison;
import dev.lyne.load.bench.PeerRounds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The forward against the matrix product, or against another implementation's. */
@Command(
        name = "forward",
        description = {
            "The forward with selection of a 134.5 M parameter Llama against the machine's matrix-product peak;",
            "or, with --against, of several shapes against another implementation's forward, which runs in a process of its own."
        },
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchForward implements Callable<Integer> {
    @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda:N (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(names = "--rounds", description = "Rounds (default: 7, or 9 of each shape with --against).")
    private @Nullable Integer rounds;

    @Option(
            names = "--against",
            paramLabel = "PEER",
            description = "transformers (top-64 of each position) or vllm (the label alone).")
    private @Nullable String peer;

    @Option(
            names = "--peer-python",
            paramLabel = "FILE",
            defaultValue = "python3",
            description = "A Python that can import the peer, or its virtual environment (default: ${DEFAULT-VALUE}).")
    private String peerPython;

    @Option(
            names = "--shapes",
            split = ",",
            paramLabel = "SHAPE",
            defaultValue = "demo,135m,1024,2048",
            description =
                    "With --against: demo, 135m, or a width of four layers, 1024 or 2048 (default: ${DEFAULT-VALUE}).")
    private List<String> shapes;

    @Option(
            names = "--precisions",
            split = ",",
            paramLabel = "PRECISION",
            description = "With --against: float32, bfloat16 or float16"
                    + " (default: float32, and bfloat16 where the device has instructions for it).")
    private @Nullable List<String> precisions;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        try (var scratch = TemporaryDirectory.create("lyne-bench")) {
            json.report(peer == null ? alone(scratch.path()) : against(peer, scratch.path()));
        }
        return 0;
    }

    private ForwardBenchmark.Result alone(Path scratch) throws IOException {
        return new ForwardBenchmark(device, rounds == null ? 7 : rounds, System.err::println).run(scratch);
    }

    private PeerRounds.Result<ForwardComparison.Line> against(String other, Path scratch) throws IOException {
        var turns = new PeerRounds(rounds == null ? 9 : rounds, System.err::println);
        return new ForwardComparison(other, peerPython, device, turns).run(shapes, precisions(), scratch);
    }

    private List<ComputePrecision> precisions() {
        if (precisions != null) {
            return precisions.stream().map(ComputePrecision::of).toList();
        }
        return !device.equals("cpu") || CpuFeatures.bfloat16Instructions()
                ? List.of(ComputePrecision.FLOAT32, ComputePrecision.BFLOAT16)
                : List.of(ComputePrecision.FLOAT32);
    }
}
