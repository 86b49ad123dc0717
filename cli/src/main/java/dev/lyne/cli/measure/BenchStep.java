package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.TemporaryDirectory;
import dev.lyne.load.bench.PeerRounds;
import dev.lyne.load.bench.StepComparison;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

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

    @Mixin
    private PytorchPeer peer;

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
        var comparison = new StepComparison(peer.name, peer.python, new PeerRounds(rounds, System.err::println));
        try (var scratch = TemporaryDirectory.create("lyne-bench")) {
            json.report(comparison.run(shapes, losses, scratch.path()));
        }
        return 0;
    }
}
