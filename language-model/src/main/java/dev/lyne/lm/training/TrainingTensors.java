package dev.lyne.lm.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.engine.TensorFiles;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.weights.SafetensorsModel;
import dev.lyne.lm.weights.StoredType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Tensors that a training run keeps on its device, one tensor each for every tensor of the model: master weights,
 * gradients and AdamW's two moments, zeros at first. Owns them, and moves them in and out.
 */
final class TrainingTensors implements AutoCloseable {
    private final ModelConfiguration configuration;
    private final Script script;
    private final TensorFiles files;
    private final NamedTensors weights;
    private final NamedTensors gradients;
    private final NamedTensors firstMoments;
    private final NamedTensors secondMoments;

    TrainingTensors(ModelConfiguration configuration, Script script, DataType type) {
        this.configuration = configuration;
        this.script = script;
        this.files = new TensorFiles(script);
        this.weights = zeros("w", type);
        this.gradients = zeros("g", type);
        this.firstMoments = zeros("m", type);
        this.secondMoments = zeros("v", type);
    }

    private NamedTensors zeros(String argument, DataType type) {
        NDManager manager = script.newManager();
        NamedTensors tensors = new NamedTensors(argument, manager);
        configuration
                .expectedTensors()
                .forEach((name, shape) -> tensors.put(name, manager.zeros(new Shape(shape), type)));
        return tensors;
    }

    NamedTensors weights() {
        return weights;
    }

    NamedTensors gradients() {
        return gradients;
    }

    NamedTensors firstMoments() {
        return firstMoments;
    }

    NamedTensors secondMoments() {
        return secondMoments;
    }

    /** Random weights that the seed decides. */
    void initialize(long seed) {
        WeightInitialization values = new WeightInitialization(configuration, seed);
        configuration.expectedTensors().forEach((name, shape) -> setWeight(name, values.next(name, shape)));
    }

    /** The weights of a Hugging Face directory. */
    void readWeights(SafetensorsModel source) throws IOException {
        files.readAll(source, weights);
    }

    /** Writes weights, moments and the step count. */
    void saveState(Path file, long steps) throws IOException {
        new TrainingFiles(files).saveState(file, state(), steps);
    }

    /** Reads what {@link #saveState} wrote, and clears the gradients; returns the step count. */
    long restoreState(Path file) throws IOException {
        long steps = new TrainingFiles(files).restoreState(file, state());
        clearGradients();
        return steps;
    }

    /** Writes the weights as a Hugging Face directory. */
    void export(Path directory, String storedType) throws IOException {
        new TrainingFiles(files).export(directory, configuration, weights, storedType);
    }

    private Map<String, NamedTensors> state() {
        Map<String, NamedTensors> groups = new LinkedHashMap<>();
        groups.put("weights", weights);
        groups.put("exp_avg", firstMoments);
        groups.put("exp_avg_sq", secondMoments);
        return groups;
    }

    private void clearGradients() {
        clear(gradients);
    }

    /** Sets both moments to 0. */
    void clearMoments() {
        clear(firstMoments);
        clear(secondMoments);
    }

    private void clear(NamedTensors tensors) {
        try (InferenceCall call = script.inference("clear")) {
            call.tensors(List.copyOf(tensors.arrays().values())).run();
        }
    }

    double[] weight(String name) {
        return widened(weights.get(name));
    }

    double[] gradient(String name) {
        return widened(gradients.get(name));
    }

    private static double[] widened(NDArray array) {
        try (NDArray wide = array.toType(DataType.FLOAT64, true)) {
            return wide.toDoubleArray();
        }
    }

    void setWeight(String name, double[] values) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(values.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asDoubleBuffer().put(values);
        files.fill(weights.get(name), 0, bytes, StoredType.F64);
    }

    private void setWeight(String name, float[] values) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(Math.multiplyExact(values.length, Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        files.fill(weights.get(name), 0, bytes, StoredType.F32);
    }

    @Override
    public void close() {
        weights.close();
        gradients.close();
        firstMoments.close();
        secondMoments.close();
    }
}
