package dev.lyne.lm.training;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** Sequences where each token follows from the one before it, so that a small model learns them in a few steps. */
final class ToyTask {
    static final ModelOptions FLOAT32 = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
    static final OptimizerOptions OPTIMIZER = new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, 1, 8);

    private ToyTask() {}

    static TrainableModel model(ModelConfiguration configuration, OptimizerOptions optimizer) {
        return TrainableModel.create(configuration, 5, FLOAT32, optimizer, LossScript.crossEntropy());
    }

    /** Sequences of differing lengths, every position with weight {@code 1 / total}. */
    static TrainingBatch batch(Random random, int sequences, double total) {
        List<int[]> tokens = new ArrayList<>();
        List<int[]> positions = new ArrayList<>();
        int rows = 0;
        for (int i = 0; i < sequences; i++) {
            int[] sequence = new int[9 + 2 * i];
            sequence[0] = random.nextInt(TinyModels.VOCABULARY);
            for (int t = 1; t < sequence.length; t++) {
                sequence[t] = (sequence[t - 1] * 3 + 1) % TinyModels.VOCABULARY;
            }
            tokens.add(sequence);
            positions.add(IntStream.range(0, sequence.length - 1).toArray());
            rows += sequence.length - 1;
        }
        float[] weights = new float[rows];
        Arrays.fill(weights, (float) (1 / total));
        return new TrainingBatch(tokens, positions, Map.of("data_weight", new Column.Floats(weights, 1)));
    }

    static int rows(TrainingBatch batch) {
        return batch.positions().stream()
                .mapToInt(positions -> positions.length)
                .sum();
    }

    /** One step on one batch: the sums of the loss, and the gradient's norm. */
    static double[] step(TrainableModel model, TrainingBatch batch) {
        double[] sums = model.accumulate(batch);
        return new double[] {sums[0], sums[1], model.apply(1e-2)};
    }
}
