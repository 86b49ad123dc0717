package dev.lyne.load.bench;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.training.Column;
import dev.lyne.lm.training.LossScript;
import dev.lyne.lm.training.OptimizerOptions;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.student.loss.BuiltInLoss;
import dev.lyne.student.loss.DistillationLoss;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A step to compare: a student's shape, windows of random tokens and, for a loss on a teacher's rows, random rows that keep four fifths of
 * the mass in {@link #K} ids. What it computes, a peer can compute from its {@link #job}.
 */
final class StepTask {
    static final int K = 64;
    static final double LEARNING_RATE = 1e-4;

    private static final int TOKENS = 256;
    private static final double KEPT_MASS = 0.8;
    static final String CROSS_ENTROPY = "cross_entropy";
    static final String FORWARD_KL = "forward_kl";

    /** A student and its windows in a step. */
    private record Shape(ModelConfiguration configuration, int batch) {}

    private static final Map<String, Shape> SHAPES = shapes();

    private static Map<String, Shape> shapes() {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put(
                "demo",
                new Shape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(4_096, 512, 128, 4), 2, 2, 352, 1e4, true),
                        16));
        shapes.put(
                "135m",
                new Shape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(49_152, 512, 576, 30), 9, 3, 1_536, 1e4, true),
                        4));
        return shapes;
    }

    private final Shape shape;
    private final String loss;
    private final List<int[]> tokens = new ArrayList<>();
    private final long[] teacherIds;
    private final float[] teacherLogProbabilities;

    /** @throws IllegalArgumentException for a shape or a loss that there is not */
    StepTask(String shape, String loss) {
        this.shape = require("--shapes", shape, SHAPES);
        this.loss = require("--losses", loss, Map.of(CROSS_ENTROPY, CROSS_ENTROPY, FORWARD_KL, FORWARD_KL));
        var random = new SplittableRandom(1);
        int vocabularySize = this.shape.configuration().sizes().vocabulary();
        for (int i = 0; i < this.shape.batch(); i++) {
            tokens.add(random.ints(TOKENS, 0, vocabularySize).toArray());
        }
        double[] weights =
                IntStream.range(0, K).mapToDouble(i -> Math.exp(-0.1 * i)).toArray();
        double sum = Arrays.stream(weights).sum();
        this.teacherIds = new long[rows() * K];
        this.teacherLogProbabilities = new float[rows() * K];
        int stretch = vocabularySize / K;
        for (int row = 0; row < rows(); row++) {
            int turn = random.nextInt(K);
            for (int i = 0; i < K; i++) {
                teacherIds[row * K + i] = (long) ((i + turn) % K) * stretch + random.nextInt(stretch);
                teacherLogProbabilities[row * K + i] = (float) Math.log(KEPT_MASS * weights[i] / sum);
            }
        }
    }

    private static <T> T require(String option, String name, Map<String, T> known) {
        T found = known.get(name);
        if (found == null) {
            throw new IllegalArgumentException(option + ": " + name + " (expected: of "
                    + known.keySet().stream().sorted().toList() + ")");
        }
        return found;
    }

    ModelConfiguration configuration() {
        return shape.configuration();
    }

    /** Positions that a step learns from: each but a window's last. */
    int rows() {
        return shape.batch() * (TOKENS - 1);
    }

    /** A student with random weights. */
    TrainableModel create() {
        return create(false);
    }

    /** The same, whose way back may compute each layer again. */
    TrainableModel create(boolean recompute) {
        var usual = OptimizerOptions.defaults();
        var optimizer = new OptimizerOptions(
                usual.beta1(),
                usual.beta2(),
                usual.epsilon(),
                usual.weightDecay(),
                usual.clipNorm(),
                usual.rowChunk(),
                recompute);
        return TrainableModel.create(configuration(), 1, options(), optimizer, script());
    }

    /** The student of a directory. */
    TrainableModel load(Path directory) {
        return TrainableModel.load(
                directory, configuration().sizes().vocabulary(), options(), OptimizerOptions.defaults(), script());
    }

    static ModelOptions options() {
        return new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
    }

    private LossScript script() {
        return isTaught() ? DistillationLoss.of(BuiltInLoss.FORWARD_KL).script() : LossScript.crossEntropy();
    }

    private boolean isTaught() {
        return loss.equals(FORWARD_KL);
    }

    /** The windows of a step, with columns that make the sum of the loss its mean. */
    TrainingBatch batch() {
        int[] positions = IntStream.range(0, TOKENS - 1).toArray();
        Map<String, Column> columns = new HashMap<>();
        columns.put("data_weight", filled(isTaught() ? 0 : 1f / rows()));
        if (isTaught()) {
            columns.put("distillation_weight", filled(1f / rows()));
            columns.put("teacher_ids", new Column.Longs(teacherIds, K));
            columns.put("teacher_log_probs", new Column.Floats(teacherLogProbabilities, K));
            columns.put("teacher_log_tail", filled((float) Math.log(1 - KEPT_MASS)));
        }
        return new TrainingBatch(
                tokens, tokens.stream().map(window -> positions).toList(), columns);
    }

    private Column filled(float value) {
        float[] values = new float[rows()];
        Arrays.fill(values, value);
        return new Column.Floats(values, 1);
    }

    /** Returns the values that a peer needs to take the same step. */
    Map<String, Object> job(Path model, int threads) {
        Map<String, Object> job = new HashMap<>();
        job.put("model", model.toString());
        job.put("device", "cpu");
        job.put("threads", threads);
        job.put("loss", loss);
        job.put("learning_rate", LEARNING_RATE);
        job.put("memory", false);
        job.put("ids", tokens);
        if (isTaught()) {
            float[] logTail = new float[rows()];
            Arrays.fill(logTail, (float) Math.log(1 - KEPT_MASS));
            List<long[]> ids = new ArrayList<>();
            List<float[]> logProbabilities = new ArrayList<>();
            for (int row = 0; row < rows(); row++) {
                ids.add(Arrays.copyOfRange(teacherIds, row * K, (row + 1) * K));
                logProbabilities.add(Arrays.copyOfRange(teacherLogProbabilities, row * K, (row + 1) * K));
            }
            job.put("teacher_ids", ids);
            job.put("teacher_log_probs", logProbabilities);
            job.put("teacher_log_tail", logTail);
        }
        return job;
    }
}
