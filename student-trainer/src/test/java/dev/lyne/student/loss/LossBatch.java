package dev.lyne.student.loss;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.student.loss.BucketReference.Row;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Rows as a loss script takes them.
 *
 * @param logits the student's, `[n, V]`
 * @param rows the teacher's
 * @param shares of draws on a row's kept ids; empty where it is not drawn
 * @param rawLogits the teacher's over all ids, `[n, V]`
 */
record LossBatch(
        double[][] logits,
        int[] labels,
        Row[] rows,
        double[][] shares,
        double[][] rawLogits,
        double[] dataWeights,
        double[] weights,
        double lambda) {
    /** Sums and gradient of the logits that the script gave. */
    record Result(double[] sums, double[][] gradient) {}

    int size() {
        return logits.length;
    }

    int vocabulary() {
        return logits[0].length;
    }

    /** The same with these weights in every row. */
    LossBatch weighted(double data, double distillation) {
        return new LossBatch(
                logits, labels, rows, shares, rawLogits, filled(size(), data), filled(size(), distillation), lambda);
    }

    /** Log-probability of the label of a row, the teacher's. */
    double teacherLabelLogProb(int row) {
        return BucketReference.logSoftmax(rawLogits[row], 1)[labels[row]];
    }

    /** Rows that keep from one id to all, or none; the last has no target and no distillation weight. */
    static LossBatch random(Random random, int n, int vocabulary, boolean drawn) {
        double[][] logits = new double[n][];
        double[][] teacher = new double[n][];
        Row[] rows = new Row[n];
        double[][] shares = new double[n][];
        for (int i = 0; i < n; i++) {
            logits[i] = random.doubles(vocabulary, -4, 4).toArray();
            teacher[i] = random.doubles(vocabulary, -4, 4).toArray();
            int k = i == 0 ? vocabulary : 1 + random.nextInt(vocabulary - 1);
            rows[i] = Row.topK(teacher[i], k);
            shares[i] = new double[0];
            if (drawn) {
                shares[i] = draws(random, rows[i], 20);
            }
        }
        rows[1] = new Row(new int[0], new double[0], 0);
        rows[n - 1] = new Row(new int[0], new double[0], Double.NEGATIVE_INFINITY);
        shares[1] = new double[0];
        shares[n - 1] = new double[0];
        double[] weights = random.doubles(n, 0.1, 1).toArray();
        weights[n - 1] = 0;
        int[] labels = random.ints(n, 0, vocabulary).toArray();
        return new LossBatch(
                logits,
                labels,
                rows,
                shares,
                teacher,
                random.doubles(n, 0, 1).toArray(),
                weights,
                0.1 + 0.9 * random.nextDouble());
    }

    /** How draws with replacement might fall on the ids of a row. */
    private static double[] draws(Random random, Row row, int draws) {
        double[] shares = new double[row.ids().length];
        for (int draw = 0; draw < draws; draw++) {
            shares[random.nextInt(shares.length)] += 1.0 / draws;
        }
        return shares;
    }

    /** Runs the loss's script. */
    Result run(DistillationLoss loss, DataType type) {
        try (Script script = Script.load(
                        List.of(loss.script().source()),
                        Map.of(),
                        new ModelOptions("cpu", ComputePrecision.FLOAT32, 1));
                InferenceCall call = script.inference("loss");
                NamedTensors columns = new NamedTensors("columns", script.newManager())) {
            putColumns(columns, type, loss);
            double[] flat =
                    Arrays.stream(logits).flatMapToDouble(Arrays::stream).toArray();
            NDList result = call.tensor(array(call.manager(), flat, type).reshape(new Shape(size(), vocabulary())))
                    .tensors(columns)
                    .run();
            double[] gradient = result.get(1).toType(DataType.FLOAT64, false).toDoubleArray();
            List<double[]> perRow = new ArrayList<>();
            for (int i = 0; i < size(); i++) {
                perRow.add(Arrays.copyOfRange(gradient, i * vocabulary(), (i + 1) * vocabulary()));
            }
            return new Result(
                    result.get(0).toType(DataType.FLOAT64, false).toDoubleArray(), perRow.toArray(double[][]::new));
        }
    }

    private void putColumns(NamedTensors columns, DataType type, DistillationLoss loss) {
        int n = size();
        int k = Math.max(
                1, Arrays.stream(rows).mapToInt(row -> row.ids().length).max().orElseThrow());
        long[] ids = new long[n * k];
        double[] lp = filled(n * k, Double.NEGATIVE_INFINITY);
        double[] raw = filled(n * k, Double.NEGATIVE_INFINITY);
        double[] drawn = new double[n * k];
        Arrays.fill(ids, vocabulary() - 1); // padding may be any id
        for (int i = 0; i < n; i++) {
            for (int e = 0; e < rows[i].ids().length; e++) {
                int id = rows[i].ids()[e];
                ids[i * k + e] = id;
                lp[i * k + e] = rows[i].logProbabilities()[e];
                raw[i * k + e] = rawLogits[i][id];
                drawn[i * k + e] = e < shares[i].length ? shares[i][e] : 0;
            }
        }
        NDManager manager = columns.manager();
        columns.put("label", manager.create(Arrays.stream(labels).asLongStream().toArray()));
        columns.put("data_weight", array(manager, dataWeights, type));
        columns.put("distillation_weight", array(manager, weights, type));
        NDArray idArray = manager.create(ids);
        columns.put("teacher_ids", k == 1 ? idArray : idArray.reshape(n, k));
        columns.put("teacher_log_probs", table(manager, lp, k, type));
        double[] tails = Arrays.stream(rows).mapToDouble(Row::logTail).toArray();
        columns.put("teacher_log_tail", array(manager, tails, type));
        if (loss.drawn()) {
            columns.put("teacher_weights", table(manager, drawn, k, type));
        }
        if (loss.loss().needsLogits()) {
            columns.put("teacher_logits", table(manager, raw, k, type));
        }
        if (loss.loss() == BuiltInLoss.SLIM) {
            double[] data = java.util.stream.IntStream.range(0, n)
                    .mapToDouble(this::teacherLabelLogProb)
                    .toArray();
            columns.put("teacher_label_log_prob", array(manager, data, type));
        }
        if (loss.loss() == BuiltInLoss.TAID) {
            columns.put("taid_lambda", array(manager, filled(n, lambda), type));
        }
    }

    private static NDArray table(NDManager manager, double[] values, int k, DataType type) {
        NDArray array = array(manager, values, type);
        return k == 1 ? array : array.reshape(values.length / k, k);
    }

    private static NDArray array(NDManager manager, double[] values, DataType type) {
        return manager.create(values).toType(type, false);
    }

    static double[] filled(int length, double value) {
        double[] values = new double[length];
        Arrays.fill(values, value);
        return values;
    }
}
