package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.LossBenchmark;
import dev.lyne.load.bench.LossMemory;
import dev.lyne.load.bench.StreamCost;
import dev.lyne.student.loss.BuiltInLoss;
import dev.lyne.student.loss.Loss;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** Distillation losses against plain cross-entropy. */
@Command(
        name = "loss",
        description =
                "The training step of every loss against that of plain cross-entropy, and its memory against whole logits.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchLoss implements Callable<Integer> {
    @Option(names = "--loss", split = ",", paramLabel = "LOSS", description = "Losses, or none (default: all).")
    private @Nullable List<String> losses;

    @Option(
            names = "--vocabulary-size",
            split = ",",
            paramLabel = "SIZE",
            defaultValue = "49152,151936",
            description = "Vocabulary sizes (default: ${DEFAULT-VALUE}).")
    private List<Integer> vocabularySizes;

    @Option(names = "--top-k", defaultValue = "64", description = "Entries a row (default: ${DEFAULT-VALUE}).")
    private int k;

    @Option(names = "--rows", defaultValue = "512", description = "Positions of a step (default: ${DEFAULT-VALUE}).")
    private int rows;

    @Option(names = "--pairs", defaultValue = "11", description = "Pairs of steps (default: ${DEFAULT-VALUE}).")
    private int pairs;

    @Option(
            names = "--stream",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description =
                    "Also a step fed by the stream of a server over one fed from memory (default: ${DEFAULT-VALUE}).")
    private boolean stream;

    @Option(
            names = "--stream-pairs",
            defaultValue = "200",
            description = "Pairs of steps fed by the stream and from memory (default: ${DEFAULT-VALUE}).")
    private int streamPairs;

    @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda:N (default: ${DEFAULT-VALUE}).")
    private String device;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        for (int vocabularySize : vocabularySizes) {
            if (k < 1 || k > vocabularySize) {
                throw new IllegalArgumentException(
                        "--top-k: " + k + " (expected: 1..vocabulary_size=" + vocabularySize + ")");
            }
        }
        List<Loss> chosen = losses == null
                ? List.<Loss>of(BuiltInLoss.values())
                : losses.equals(List.of("none"))
                        ? List.of()
                        : losses.stream().map(Loss::of).toList();
        if (streamPairs < 4) {
            throw new IllegalArgumentException("--stream-pairs: " + streamPairs + " (expected: 4 or more)");
        }
        var benchmark = new LossBenchmark(device, k, rows, pairs, LossMemory::inAProcess, System.err::println);
        ObjectNode figures =
                (ObjectNode) JsonReport.figures(benchmark.run(chosen, chosen.isEmpty() ? List.of() : vocabularySizes));
        if (stream) {
            figures.setAll((ObjectNode) JsonReport.figures(StreamCost.measure(streamPairs, System.err)));
        }
        json.report(figures);
        return 0;
    }
}
