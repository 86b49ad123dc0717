package dev.lyne.lm.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.ModelConstants;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.RotaryTables;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.engine.ScriptSource;
import dev.lyne.lm.engine.TensorFiles;
import dev.lyne.lm.engine.TrainingCall;
import dev.lyne.lm.generation.SamplingOptions;
import dev.lyne.lm.generation.TextGenerator;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ExecutionFingerprint;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.weights.SafetensorsModel;
import dev.lyne.lm.weights.StoredType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model that learns: float32 master weights, gradients and AdamW moments on one device; forward, loss and backward are one
 * native call. On a CPU, equal inputs and thread counts give equal bits. One thread at a time calls it.
 */
public final class TrainableModel implements Trainable {
    private final ModelConfiguration configuration;
    private final ModelOptions options;
    private final OptimizerOptions optimizer;
    private final List<String> terms;
    private final Script script;
    private final TensorFiles files;
    private final RotaryTables rotary;
    private final TextGenerator generator;
    private final NamedTensors weights;
    private final NamedTensors gradients;
    private final NamedTensors firstMoments;
    private final NamedTensors secondMoments;
    private long steps;

    /** The master type is float32; tests take 64 bits where finite differences have to be sharp. */
    TrainableModel(
            ModelConfiguration configuration,
            ModelOptions options,
            OptimizerOptions optimizer,
            LossScript loss,
            DataType masterType) {
        if (options.precision() == ComputePrecision.FLOAT16) {
            throw new IllegalArgumentException(
                    "precision: float16 (expected: float32 or bfloat16; float16 is for inference"
                            + " only, since gradients leave its range)");
        }
        this.configuration = configuration;
        this.options = options;
        this.optimizer = optimizer;
        this.terms = List.copyOf(loss.terms());
        boolean wide = masterType == DataType.FLOAT64;
        int computeType = wide ? Script.FLOAT64 : options.precision().torchScalarType();
        int statisticsType = wide ? Script.FLOAT64 : ComputePrecision.FLOAT32.torchScalarType();
        this.script = Script.load(
                List.of(
                        ScriptSource.TRANSFORMER.methods(),
                        ScriptSource.TENSORS.methods(),
                        ScriptSource.GENERATION.methods(),
                        ScriptSource.TRAINING.methods(),
                        loss.source()),
                ModelConstants.of(
                        configuration,
                        computeType,
                        statisticsType,
                        configuration.vocabularySize(),
                        optimizer.rowChunk()),
                options);
        this.files = new TensorFiles(script);
        this.rotary = new RotaryTables(configuration, script.newManager());
        this.weights = zeros("w", masterType);
        this.gradients = zeros("g", masterType);
        this.firstMoments = zeros("m", masterType);
        this.secondMoments = zeros("v", masterType);
        this.generator = new TextGenerator(script, configuration, weights, rotary, computeType);
    }

    /**
     * A new model with random weights that the seed decides.
     *
     * @param loss what is minimised
     */
    public static TrainableModel create(
            ModelConfiguration configuration,
            long seed,
            ModelOptions options,
            OptimizerOptions optimizer,
            LossScript loss) {
        TrainableModel model = new TrainableModel(configuration, options, optimizer, loss, DataType.FLOAT32);
        WeightInitialization values = new WeightInitialization(configuration, seed);
        configuration.expectedTensors().forEach((name, shape) -> model.setWeight(name, values.next(name, shape)));
        return model;
    }

    /** The model of a Hugging Face directory, with moments at zero. */
    public static TrainableModel load(
            Path directory, ModelOptions options, OptimizerOptions optimizer, LossScript loss) {
        ModelConfiguration configuration = ModelConfiguration.read(directory);
        try {
            SafetensorsModel source = SafetensorsModel.open(directory, configuration);
            TrainableModel model = new TrainableModel(configuration, options, optimizer, loss, DataType.FLOAT32);
            try {
                model.files.readAll(source, model.weights);
                return model;
            } catch (IOException | RuntimeException e) {
                model.close();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(directory + ": weights cannot be read", e);
        }
    }

    @Override
    public double[] accumulate(TrainingBatch batch) {
        BatchTensors tensors = new BatchTensors(batch, configuration);
        if (tensors.rowCount() == 0) {
            return new double[terms.size()];
        }
        try (TrainingCall call = script.training("accumulate");
                NamedTensors columns = tensors.columns(script.newManager())) {
            NDManager manager = call.manager();
            double[] sums = call.tensor(tensors.ids(manager))
                    .tensor(rotary.cosines(tensors.length()))
                    .tensor(rotary.sines(tensors.length()))
                    .tensor(tensors.rows(manager))
                    .tensors(columns)
                    .tensors(weights)
                    .tensors(gradients)
                    .run()
                    .singletonOrThrow()
                    .toDoubleArray();
            if (sums.length != terms.size()) {
                throw new IllegalStateException(
                        "loss script: " + sums.length + " sums (expected: " + terms.size() + ", " + terms + ")");
            }
            return sums;
        }
    }

    @Override
    public double apply(double learningRate) {
        if (!(learningRate >= 0) || Double.isInfinite(learningRate)) {
            throw new IllegalArgumentException("learning_rate: " + learningRate + " (expected: finite, 0 or more)");
        }
        double[] settings = {
            learningRate,
            optimizer.beta1(),
            optimizer.beta2(),
            optimizer.epsilon(),
            optimizer.weightDecay(),
            optimizer.clipNorm(),
            steps + 1
        };
        try (TrainingCall call = script.training("apply")) {
            double norm = call.tensor(call.manager().create(DoubleBuffer.wrap(settings), new Shape(settings.length)))
                    .tensors(weights)
                    .tensors(gradients)
                    .tensors(firstMoments)
                    .tensors(secondMoments)
                    .run()
                    .singletonOrThrow()
                    .getDouble();
            if (Double.isFinite(norm)) {
                steps++;
            }
            return norm;
        }
    }

    @Override
    public double negativeLogLikelihood(TrainingBatch batch) {
        BatchTensors tensors = new BatchTensors(batch, configuration);
        if (tensors.rowCount() == 0) {
            return 0;
        }
        try (InferenceCall call = script.inference("negative_log_likelihood")) {
            NDManager manager = call.manager();
            return call.tensor(tensors.ids(manager))
                    .tensor(rotary.cosines(tensors.length()))
                    .tensor(rotary.sines(tensors.length()))
                    .tensor(tensors.rows(manager))
                    .tensor(tensors.labels(manager))
                    .tensors(weights)
                    .run()
                    .singletonOrThrow()
                    .getDouble();
        }
    }

    @Override
    public int[] generate(int[] prompt, int maxNewTokens, double temperature, double topP, long seed, int stopId) {
        return generator.generate(prompt, maxNewTokens, new SamplingOptions(temperature, 0, topP, seed), stopId);
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public long parameters() {
        return configuration.parameters();
    }

    @Override
    public ModelConfiguration configuration() {
        return configuration;
    }

    /** What decides the bits of a run: equal fingerprints continue a restored state bit for bit. */
    public ExecutionFingerprint fingerprint() {
        return script.fingerprint(options.precision());
    }

    @Override
    public void saveState(Path file) throws IOException {
        new TrainingFiles(files).saveState(file, state(), steps);
    }

    @Override
    public void restoreState(Path file) throws IOException {
        steps = new TrainingFiles(files).restoreState(file, state());
        clearGradients();
    }

    private void clearGradients() {
        try (InferenceCall call = script.inference("clear")) {
            call.tensors(List.copyOf(gradients.arrays().values())).run();
        }
    }

    private Map<String, NamedTensors> state() {
        Map<String, NamedTensors> groups = new LinkedHashMap<>();
        groups.put("weights", weights);
        groups.put("exp_avg", firstMoments);
        groups.put("exp_avg_sq", secondMoments);
        return groups;
    }

    @Override
    public void export(Path directory, String storedType) throws IOException {
        new TrainingFiles(files).export(directory, configuration, weights, storedType);
    }

    @Override
    public List<String> terms() {
        return terms;
    }

    double[] weight(String name) {
        return widened(weights.get(name));
    }

    double[] gradient(String name) {
        return widened(gradients.get(name));
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

    private static double[] widened(NDArray array) {
        try (NDArray wide = array.toType(DataType.FLOAT64, true)) {
            return wide.toDoubleArray();
        }
    }

    private NamedTensors zeros(String argument, DataType type) {
        NDManager manager = script.newManager();
        NamedTensors tensors = new NamedTensors(argument, manager);
        configuration
                .expectedTensors()
                .forEach((name, shape) -> tensors.put(name, manager.zeros(new Shape(shape), type)));
        return tensors;
    }

    @Override
    public void close() {
        rotary.close();
        weights.close();
        gradients.close();
        firstMoments.close();
        secondMoments.close();
        script.close();
    }
}
