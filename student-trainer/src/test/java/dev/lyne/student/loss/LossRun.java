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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** A loss on logits and columns of a test's own. */
public final class LossRun {
    /** Sums of the loss, and the gradient of the logits. */
    public record Result(double[] sums, double[][] gradient) {}

    private LossRun() {}

    /**
     * Runs forward KL.
     *
     * @param columns values by name; their width is their number over that of the rows
     * @param ids teacher_ids
     */
    public static Result of(
            boolean drawn, double[][] logits, int[] labels, long[] ids, Map<String, double[]> columns, DataType type) {
        return of(
                new DistillationLoss(BuiltInLoss.FORWARD_KL, Optional.empty(), OptionalDouble.empty(), drawn, 1, true),
                logits,
                labels,
                ids,
                columns,
                type);
    }

    /** The same of any loss. */
    public static Result of(
            DistillationLoss loss,
            double[][] logits,
            int[] labels,
            long[] ids,
            Map<String, double[]> columns,
            DataType type) {
        int n = logits.length;
        try (Script script = Script.load(
                        List.of(loss.script().source()),
                        Map.of(),
                        new ModelOptions("cpu", ComputePrecision.FLOAT32, 1));
                InferenceCall call = script.inference("loss");
                NamedTensors named = new NamedTensors("columns", script.newManager())) {
            NDManager manager = named.manager();
            named.put(
                    "label", manager.create(Arrays.stream(labels).asLongStream().toArray()));
            named.put("teacher_ids", shaped(manager.create(ids), n, ids.length / n));
            columns.forEach(
                    (name, values) -> named.put(name, shaped(array(manager, values, type), n, values.length / n)));
            double[] flat =
                    Arrays.stream(logits).flatMapToDouble(Arrays::stream).toArray();
            int vocabulary = logits[0].length;
            NDList result = call.tensor(array(call.manager(), flat, type).reshape(new Shape(n, vocabulary)))
                    .tensors(named)
                    .run();
            double[] gradient = result.get(1).toType(DataType.FLOAT64, false).toDoubleArray();
            List<double[]> rows = new ArrayList<>();
            for (int i = 0; i < n; i++) {
                rows.add(Arrays.copyOfRange(gradient, i * vocabulary, (i + 1) * vocabulary));
            }
            return new Result(
                    result.get(0).toType(DataType.FLOAT64, false).toDoubleArray(), rows.toArray(double[][]::new));
        }
    }

    private static NDArray shaped(NDArray array, int rows, int width) {
        return width == 1 ? array : array.reshape(rows, width);
    }

    private static NDArray array(NDManager manager, double[] values, DataType type) {
        return manager.create(values).toType(type, false);
    }
}
