package dev.lyne.load.bench;

import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.Loss;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Benchmark of what a distillation loss costs: the whole training step with it and the cross-entropy on the labels,
 * targets in memory, over the same step with plain cross-entropy, which is fused with the output layer in the same way;
 * and the memory of its forward and backward over that of the same loss through whole logits. Steps of the two are
 * interleaved, in turns who goes first, and the ratio is the median over the pairs.
 */
public final class LossBenchmark {
    /** Rows of logits that exist at a time, as `train` has them. */
    public static final int ROW_CHUNK = 256;

    private static final double LEARNING_RATE = 1e-4;
    private static final int WARM_UP_PAIRS = 1;

    /** Measures the memory of a loss in a process of its own, in bytes. */
    @FunctionalInterface
    public interface MemoryProbe {
        /** Growth of the resident memory with so many rows of logits at a time. */
        long measure(String loss, int vocabularySize, int k, int rowChunk) throws IOException, InterruptedException;
    }

    /**
     * Cost of one loss at one size.
     *
     * @param stepOverCrossEntropy median over the pairs
     * @param stepOverCrossEntropyInterval where that median lies with a confidence of 95 %
     * @param peakMemoryOverUnfused growth of resident memory, over that with whole logits
     * @param stepSeconds median of the step with the loss
     */
    @SuppressWarnings("ArrayRecordComponent") // a carrier of figures
    public record Cost(
            String loss,
            int vocabularySize,
            int k,
            double stepOverCrossEntropy,
            double[] stepOverCrossEntropyInterval,
            double peakMemoryOverUnfused,
            double stepSeconds,
            double crossEntropyStepSeconds,
            long peakMemoryBytes) {}

    /** All of it, and what it was measured with. */
    public record Result(
            List<Cost> results, int rows, int memoryRows, int rowChunk, int pairs, String device, int threads) {}

    private final String device;
    private final int k;
    private final int rows;
    private final int pairs;
    private final MemoryProbe memory;
    private final Consumer<String> progress;

    /**
     * @param rows positions of a step
     * @param pairs pairs of steps
     */
    public LossBenchmark(String device, int k, int rows, int pairs, MemoryProbe memory, Consumer<String> progress) {
        this.device = device;
        this.k = k;
        this.rows = rows;
        this.pairs = pairs;
        this.memory = memory;
        this.progress = progress;
    }

    /** Measures losses at vocabulary sizes. */
    public Result run(List<Loss> losses, List<Integer> vocabularySizes) throws IOException, InterruptedException {
        List<Cost> costs = new ArrayList<>();
        String where = device;
        int threads = 0;
        for (int vocabularySize : vocabularySizes) {
            var task = new LossTask(device, vocabularySize, k, rows);
            TrainingBatch batch = task.batch();
            progress.accept("vocabulary of " + vocabularySize + ": making the student of plain cross-entropy");
            try (TrainableModel plain = task.student(LossScript.crossEntropy(), ROW_CHUNK)) {
                where = plain.fingerprint().device();
                threads = plain.fingerprint().threads();
                for (Loss loss : losses) {
                    costs.add(cost(loss, task, batch, plain));
                }
            }
        }
        return new Result(costs, rows, LossMemory.ROWS, ROW_CHUNK, pairs, where, threads);
    }

    private Cost cost(Loss loss, LossTask task, TrainingBatch batch, TrainableModel plain)
            throws IOException, InterruptedException {
        double[] own = new double[pairs];
        double[] other = new double[pairs];
        try (TrainableModel student = task.student(DistillationLoss.of(loss).script(), ROW_CHUNK)) {
            for (int pair = -WARM_UP_PAIRS; pair < pairs; pair++) {
                double first = pair % 2 == 0 ? step(plain, batch) : 0;
                double seconds = step(student, batch);
                double plainSeconds = pair % 2 == 0 ? first : step(plain, batch);
                if (pair >= 0) {
                    own[pair] = seconds;
                    other[pair] = plainSeconds;
                }
            }
        }
        long fused = memory.measure(loss.key(), task.vocabularySize(), k, ROW_CHUNK);
        long whole = memory.measure(loss.key(), task.vocabularySize(), k, LossMemory.ROWS);
        Cost cost = new Cost(
                loss.key(),
                task.vocabularySize(),
                k,
                Rounds.medianRatio(own, other),
                Rounds.medianRatioInterval(own, other),
                (double) fused / whole,
                Rounds.median(own),
                Rounds.median(other),
                fused);
        progress.accept(String.format(
                "%s, %d: step %.3f s, with plain cross-entropy %.3f s, ratio %.3f; memory %.0f of %.0f MiB, ratio %.3f",
                cost.loss(),
                cost.vocabularySize(),
                cost.stepSeconds(),
                cost.crossEntropyStepSeconds(),
                cost.stepOverCrossEntropy(),
                fused / (double) (1 << 20),
                whole / (double) (1 << 20),
                cost.peakMemoryOverUnfused()));
        return cost;
    }

    private static double step(TrainableModel student, TrainingBatch batch) {
        long start = System.nanoTime();
        student.accumulate(batch);
        student.apply(LEARNING_RATE);
        return (System.nanoTime() - start) / 1e9;
    }
}
