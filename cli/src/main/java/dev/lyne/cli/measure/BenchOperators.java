package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.load.bench.CpuFeatures;
import dev.lyne.load.bench.OperatorBenchmark;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Command that shows where the time of a forward and of a step goes. */
@Command(
        name = "operators",
        description = {
            "Where the time of a forward with top-64 goes, and that of a training step with cross-entropy, operator by operator,",
            "by PyTorch's own profiler, which slows small operators down a little."
        },
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchOperators implements Callable<Integer> {
    @Option(names = "--rounds", defaultValue = "5", description = "Rounds of each (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--shapes",
            split = ",",
            paramLabel = "SHAPE",
            defaultValue = "demo,135m",
            description = "Shapes of the forward: demo, 135m, or a width of four layers, 1024 or 2048"
                    + " (default: ${DEFAULT-VALUE}).")
    private List<String> shapes;

    @Option(
            names = "--precisions",
            split = ",",
            paramLabel = "PRECISION",
            description = "Precisions of the forward: float32, bfloat16 or float16"
                    + " (default: float32, and bfloat16 where the processor has instructions for it).")
    private @Nullable List<String> precisions;

    @Option(
            names = "--steps",
            split = ",",
            paramLabel = "SHAPE",
            defaultValue = "demo,135m",
            description = "Shapes of the step: demo, the demo's student, or 135m (default: ${DEFAULT-VALUE}).")
    private List<String> steps;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        json.requireWritable();
        Path scratch = Files.createTempDirectory("lyne-bench");
        try {
            json.report(new OperatorBenchmark(rounds, System.err::println).run(shapes, precisions(), steps, scratch));
        } finally {
            try (Stream<Path> files = Files.walk(scratch)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
        return 0;
    }

    private List<ComputePrecision> precisions() {
        if (precisions != null) {
            return precisions.stream().map(ComputePrecision::of).toList();
        }
        return CpuFeatures.bfloat16Instructions()
                ? List.of(ComputePrecision.FLOAT32, ComputePrecision.BFLOAT16)
                : List.of(ComputePrecision.FLOAT32);
    }
}
