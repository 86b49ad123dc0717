package dev.lyne.load.bench;

import dev.lyne.lm.engine.ProductSpeed;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.load.process.Directories;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The forward with selection against the machine's own matrix-product peak: a random Llama of SmolLM2-135M's shape (134.5 M
 * parameters, V = 49,152), 4 × 256 tokens, top-64, in float32 and bfloat16; rounds interleaved with a float32 product of
 * 1024³ by the fastest kernel there is. A position costs 2 floating-point operations a parameter, attention scores and norms not counted.
 */
public final class ForwardBenchmark {
    private static final int BATCH = 4;
    private static final int TOKENS = 256;
    private static final int K = 64;

    /**
     * Medians over the rounds.
     *
     * @param device where it ran
     * @param bfloat16Instructions whether the CPU has instructions for bfloat16 products
     * @param matrixProductGflops float32 peak by the fastest kernel, 10^9 operations a second
     * @param float32PositionsPerSecond forward and selection
     * @param float32OverPeak share of the peak that the float32 forward reaches
     * @param bfloat16PositionsPerSecond forward and selection
     * @param bfloat16OverFloat32 positions a second of the two
     */
    public record Result(
            String device,
            int threads,
            boolean bfloat16Instructions,
            int rounds,
            double matrixProductGflops,
            double float32PositionsPerSecond,
            double float32OverPeak,
            double bfloat16PositionsPerSecond,
            double bfloat16OverFloat32) {}

    private final String device;
    private final int rounds;
    private final Consumer<String> progress;

    public ForwardBenchmark(String device, int rounds, Consumer<String> progress) {
        this.device = device;
        this.rounds = rounds;
        this.progress = progress;
    }

    /** Runs it; the random model is written to {@code scratch} and deleted afterwards. */
    public Result run(Path scratch) throws IOException {
        ModelConfiguration shape = ModelConfiguration.llama(
                new ModelConfiguration.Sizes(49_152, 2_048, 576, 30), 9, 3, 1536, 10_000.0, true);
        Path directory = Files.createTempDirectory(scratch, "forward");
        try {
            progress.accept("making a random model of 134.5 M parameters");
            try (var model = TrainableModel.create(
                    shape,
                    1,
                    new ModelOptions("cpu", ComputePrecision.FLOAT32, 0),
                    OptimizerOptions.defaults(),
                    LossScript.crossEntropy())) {
                model.export(directory, "float32");
            }
            return measure(directory, shape);
        } finally {
            Directories.delete(directory);
        }
    }

    private Result measure(Path directory, ModelConfiguration shape) throws IOException {
        var scoring = new ScoringOptions(shape.sizes().vocabulary(), 256, false);
        var float32Options = new ModelOptions(device, ComputePrecision.FLOAT32, 0);
        var bfloat16Options = new ModelOptions(device, ComputePrecision.BFLOAT16, 0);
        try (var float32 = ScoringModel.load(directory, float32Options, scoring);
                var bfloat16 = ScoringModel.load(directory, bfloat16Options, scoring);
                var product = new ProductSpeed(float32Options)) {
            List<ScoreItem> items = items(shape.sizes().vocabulary());
            double[] peak = new double[rounds];
            double[] float32Rate = new double[rounds];
            double[] bfloat16Rate = new double[rounds];
            positionsPerSecond(float32, items);
            positionsPerSecond(bfloat16, items);
            double[] share = new double[rounds];
            for (int round = 0; round < rounds; round++) {
                double before = product.bestGflops();
                float32Rate[round] = positionsPerSecond(float32, items);
                peak[round] = (before + product.bestGflops()) / 2;
                bfloat16Rate[round] = positionsPerSecond(bfloat16, items);
                share[round] = 2e-9 * shape.parameters() * float32Rate[round] / peak[round];
                progress.accept(String.format(
                        "round %d of %d: product %.0f GFLOP/s, float32 %.0f positions/s (%.2f of the peak), bfloat16 %.0f",
                        round + 1, rounds, peak[round], float32Rate[round], share[round], bfloat16Rate[round]));
            }
            return new Result(
                    float32.fingerprint().device(),
                    float32.fingerprint().threads(),
                    CpuFeatures.bfloat16Instructions(),
                    rounds,
                    Rounds.median(peak),
                    Rounds.median(float32Rate),
                    Rounds.median(share),
                    Rounds.median(bfloat16Rate),
                    Rounds.medianRatio(bfloat16Rate, float32Rate));
        }
    }

    private static List<ScoreItem> items(int vocabularySize) {
        var random = new SplittableRandom(1);
        int[] positions = IntStream.range(0, TOKENS).toArray();
        List<ScoreItem> items = new ArrayList<>();
        for (int i = 0; i < BATCH; i++) {
            items.add(new ScoreItem(random.ints(TOKENS, 0, vocabularySize).toArray(), positions));
        }
        return items;
    }

    private static double positionsPerSecond(ScoringModel model, List<ScoreItem> items) {
        long start = System.nanoTime();
        model.score(items, RowContent.topK(K));
        return BATCH * TOKENS * 1e9 / (System.nanoTime() - start);
    }
}
