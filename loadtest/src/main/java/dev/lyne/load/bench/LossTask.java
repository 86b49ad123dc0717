package dev.lyne.load.bench;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.training.Column;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.lm.training.TrainingBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Students and rows to measure losses with: one transformer layer of width 576, so that the output layer is what counts, tied
 * embeddings, random weights, and random targets that keep four fifths of the mass.
 *
 * @param rows positions with a loss
 * @param k ids kept a row
 */
record LossTask(String device, int vocabularySize, int k, int rows) {
    private static final int WIDTH = 576;
    private static final int WINDOW = 256;
    private static final double KEPT_MASS = 0.8;

    /** A new student that minimises a loss, with so many rows of logits at a time. */
    TrainableModel student(LossScript loss, int rowChunk) {
        ModelConfiguration shape = ModelConfiguration.llama(
                new ModelConfiguration.Sizes(vocabularySize, WINDOW + 1, WIDTH, 1), 9, 3, 1536, 10_000.0, true);
        return TrainableModel.create(
                shape,
                1,
                new ModelOptions(device, ComputePrecision.FLOAT32, 0),
                new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, 1, rowChunk),
                loss);
    }

    /** Windows of random tokens, with every column that any loss reads. */
    TrainingBatch batch() {
        var random = new SplittableRandom(7);
        List<int[]> tokens = new ArrayList<>();
        List<int[]> positions = new ArrayList<>();
        for (int left = rows; left > 0; left -= WINDOW) {
            int own = Math.min(WINDOW, left);
            tokens.add(random.ints(own + 1, 0, vocabularySize).toArray());
            positions.add(IntStream.range(0, own).toArray());
        }
        return new TrainingBatch(tokens, positions, columns(random));
    }

    private Map<String, Column> columns(SplittableRandom random) {
        long[] ids = new long[rows * k];
        float[] lp = new float[rows * k];
        float[] shares = new float[rows * k];
        double[] weights =
                IntStream.range(0, k).mapToDouble(i -> Math.exp(-0.1 * i)).toArray();
        double sum = Arrays.stream(weights).sum();
        int stretch = vocabularySize / k;
        for (int row = 0; row < rows; row++) {
            int turn = random.nextInt(k);
            for (int i = 0; i < k; i++) {
                ids[row * k + i] = (long) ((i + turn) % k) * stretch + random.nextInt(stretch);
                lp[row * k + i] = (float) Math.log(KEPT_MASS * weights[i] / sum);
                shares[row * k + i] = (float) (weights[i] / sum);
            }
        }
        Map<String, Column> columns = new HashMap<>();
        columns.put("data_weight", filled(0.5f / rows));
        columns.put("distillation_weight", filled(0.5f / rows));
        columns.put("teacher_ids", new Column.Longs(ids, k));
        columns.put("teacher_log_probs", new Column.Floats(lp, k));
        columns.put("teacher_log_tail", filled((float) Math.log(1 - KEPT_MASS)));
        columns.put("teacher_weights", new Column.Floats(shares, k));
        columns.put("teacher_logits", new Column.Floats(lp.clone(), k));
        columns.put("teacher_label_log_prob", filled(-3));
        columns.put("taid_lambda", filled(0.5f));
        return columns;
    }

    private Column filled(float value) {
        float[] values = new float[rows];
        Arrays.fill(values, value);
        return new Column.Floats(values, 1);
    }
}
