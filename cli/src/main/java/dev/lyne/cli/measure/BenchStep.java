package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.StepComparison;
import dev.lyne.load.bench.StepMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The student's training step against another implementation's. */
@Command(
        name = "step",
        description = {
            "The student's training step (forward, loss, backward, AdamW) in float32 on the processor, against the same step of",
            "PyTorch by `transformers` with whole logits, which runs in a process of its own."
        },
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchStep implements Callable<Integer> {
    @Option(names = "--rounds", defaultValue = "9", description = "Rounds of each (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--against",
            paramLabel = "PEER",
            defaultValue = "pytorch",
            description = "pytorch, the only peer there is (default: ${DEFAULT-VALUE}).")
    private String peer;

    @Option(
            names = "--peer-python",
            paramLabel = "FILE",
            defaultValue = "python3",
            description = "A Python that can import torch and transformers, or its virtual environment"
                    + " (default: ${DEFAULT-VALUE}).")
    private String peerPython;

    @Option(
            names = "--shapes",
            split = ",",
            paramLabel = "SHAPE",
            defaultValue = "demo,135m",
            description = "demo, the demo's student, or 135m (default: ${DEFAULT-VALUE}).")
    private List<String> shapes;

    @Option(
            names = "--losses",
            split = ",",
            paramLabel = "LOSS",
            defaultValue = "cross_entropy,forward_kl",
            description = "cross_entropy, or forward_kl on rows of 64 entries with a tail (default: ${DEFAULT-VALUE}).")
    private List<String> losses;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        json.requireWritable();
        Path scratch = Files.createTempDirectory("lyne-bench");
        try {
            json.report(new StepComparison(peer, peerPython, rounds, System.err::println).run(shapes, losses, scratch));
        } finally {
            try (Stream<Path> files = Files.walk(scratch)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
        return 0;
    }

    /** The process that {@link StepMemory} wants to itself. */
    @Command(name = "step-memory", hidden = true)
    @SuppressWarnings("NullAway.Init") // picocli sets the parameters
    static final class Memory implements Callable<Integer> {
        @Parameters(index = "0")
        private String shape;

        @Parameters(index = "1")
        private String loss;

        @Parameters(index = "2")
        private boolean recompute;

        @Override
        public Integer call() throws IOException {
            System.out.println(StepMemory.measure(shape, loss, recompute));
            return 0;
        }
    }
}
