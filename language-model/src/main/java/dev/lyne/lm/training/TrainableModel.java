package dev.lyne.lm.training;

import ai.djl.ndarray.types.DataType;
import dev.lyne.lm.engine.ModelConstants;
import dev.lyne.lm.engine.ProductKernels;
import dev.lyne.lm.engine.RotaryTables;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.engine.ScriptSource;
import dev.lyne.lm.generation.DecoderOptions;
import dev.lyne.lm.generation.SamplingOptions;
import dev.lyne.lm.generation.SequenceDecoder;
import dev.lyne.lm.generation.TextGenerator;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.weights.SafetensorsModel;
import dev.lyne.row.ExecutionFingerprint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A model that learns: float32 master weights, gradients and AdamW moments on one device; forward, loss and backward are one
 * native call. On a CPU, equal inputs and thread counts give equal bits. One thread at a time calls it.
 */
public final class TrainableModel implements Trainable {
    private final ModelConfiguration configuration;
    private final int vocabularySize;
    private final ModelOptions options;
    private final OptimizerOptions optimizer;
    private final List<String> terms;
    private final ProductKernels products;
    private final Script script;
    private final RotaryTables rotary;
    private final TrainingTensors tensors;
    private final TrainingSteps training;
    private final TextGenerator generator;
    private long steps;

    /**
     * The numbers that a model keeps.
     *
     * @param master type of weights, gradients and moments: float32; tests take 64 bits where finite differences have to be sharp
     * @param products kernels of the products with the weights
     */
    record Numerics(DataType master, ProductKernels products) {
        /** Returns the numbers of a training run. */
        static Numerics of(ModelConfiguration configuration, int vocabularySize, ModelOptions options) {
            return new Numerics(DataType.FLOAT32, ProductKernels.forTraining(configuration, vocabularySize, options));
        }
    }

    TrainableModel(
            ModelConfiguration configuration,
            int vocabularySize,
            ModelOptions options,
            OptimizerOptions optimizer,
            LossScript loss,
            Numerics numerics) {
        if (options.precision() == ComputePrecision.FLOAT16) {
            throw new IllegalArgumentException(
                    "precision: float16 (expected: float32 or bfloat16; float16 is for inference"
                            + " only, since gradients leave its range)");
        }
        this.configuration = configuration;
        this.vocabularySize = vocabularySize;
        this.options = options;
        this.optimizer = optimizer;
        this.terms = List.copyOf(loss.terms());
        this.products = numerics.products();
        boolean wide = numerics.master() == DataType.FLOAT64;
        int computeType = wide ? Script.FLOAT64 : options.precision().torchScalarType();
        int statisticsType = wide ? Script.FLOAT64 : ComputePrecision.FLOAT32.torchScalarType();
        Map<String, Object> constants =
                ModelConstants.of(configuration, computeType, statisticsType, vocabularySize, optimizer.rowChunk());
        constants.put("recompute", optimizer.recompute() ? 1L : 0L);
        constants.putAll(products.constants());
        this.script = Script.load(
                List.of(
                        ScriptSource.forward(configuration.architecture()),
                        products.methods(),
                        ScriptSource.TENSORS.methods(),
                        ScriptSource.DECODING.methods(),
                        ScriptSource.TRAINING.methods(),
                        loss.source()),
                constants,
                options);
        this.rotary = new RotaryTables(configuration, script.newManager());
        this.tensors = new TrainingTensors(configuration, script, numerics.master());
        this.training = new TrainingSteps(
                new TrainingSteps.Bounds(vocabularySize, configuration.sizes().contextLength()),
                script,
                rotary,
                tensors,
                optimizer,
                terms);
        this.generator = new TextGenerator(
                script,
                configuration,
                tensors.weights(),
                rotary,
                DecoderOptions.ofOneText(
                        vocabularySize,
                        computeType,
                        wide ? Double.BYTES : options.precision().bytes()));
    }

    /** A new model, none of whose vocabulary is padding: see the other {@code create}. */
    public static TrainableModel create(
            ModelConfiguration configuration,
            long seed,
            ModelOptions options,
            OptimizerOptions optimizer,
            LossScript loss) {
        return create(configuration, configuration.sizes().vocabulary(), seed, options, optimizer, loss);
    }

    /**
     * A new model with random weights that the seed decides.
     *
     * @param vocabularySize ids of the tokenizer, which the distribution is over. Rows of the output matrix past it are padding:
     *     they have no logit and a gradient of 0, are drawn, decay and are saved like the others, and are never sampled
     * @param loss what is minimised
     */
    public static TrainableModel create(
            ModelConfiguration configuration,
            int vocabularySize,
            long seed,
            ModelOptions options,
            OptimizerOptions optimizer,
            LossScript loss) {
        TrainableModel model = new TrainableModel(
                configuration,
                vocabularySize,
                options,
                optimizer,
                loss,
                Numerics.of(configuration, vocabularySize, options));
        model.tensors.initialize(seed);
        return model;
    }

    /**
     * The model of a Hugging Face directory, with moments at zero.
     *
     * @param vocabularySize ids of the tokenizer; as in {@code create}
     */
    public static TrainableModel load(
            Path directory, int vocabularySize, ModelOptions options, OptimizerOptions optimizer, LossScript loss) {
        ModelConfiguration configuration =
                ModelConfiguration.readAndTell(directory.resolve(ModelConfiguration.FILE_NAME));
        try {
            SafetensorsModel source = SafetensorsModel.open(directory, configuration);
            TrainableModel model = new TrainableModel(
                    configuration,
                    vocabularySize,
                    options,
                    optimizer,
                    loss,
                    Numerics.of(configuration, vocabularySize, options));
            try {
                model.tensors.readWeights(source);
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
        return training.accumulate(batch);
    }

    @Override
    public double apply(double learningRate) {
        double norm = training.apply(learningRate, steps + 1);
        if (Double.isFinite(norm)) {
            steps++;
        }
        return norm;
    }

    @Override
    public double negativeLogLikelihood(TrainingBatch batch) {
        return training.negativeLogLikelihood(batch);
    }

    @Override
    public int[] topIds(TrainingBatch batch, int k) {
        return training.topIds(batch, k);
    }

    @Override
    public SequenceDecoder decoder(long maxCacheBytes) {
        return generator.decoder(maxCacheBytes);
    }

    @Override
    public int[] generate(
            int[] prompt, int maxNewTokens, double temperature, double topP, long seed, Set<Integer> stopIds) {
        return generator.generate(prompt, maxNewTokens, new SamplingOptions(temperature, topP, seed), stopIds);
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

    @Override
    public List<String> terms() {
        return terms;
    }

    @Override
    public BatchScorer scorer() {
        if (options.precision() != ComputePrecision.FLOAT32) {
            throw new IllegalArgumentException(
                    "precision: " + options.precision().torchName()
                            + " (expected: float32, to score with the weights that are trained)");
        }
        return ScoringModel.over(
                configuration,
                options,
                new ScoringOptions(vocabularySize, optimizer.rowChunk(), false),
                tensors.weights());
    }

    @Override
    public ExecutionFingerprint fingerprint() {
        return script.fingerprint(options.precision(), products);
    }

    @Override
    public void saveState(Path file) throws IOException {
        tensors.saveState(file, steps);
    }

    @Override
    public void restoreState(Path file) throws IOException {
        steps = tensors.restoreState(file);
    }

    @Override
    public String forkState(Path file, boolean moments) throws IOException {
        restoreState(file);
        if (!moments) {
            tensors.clearMoments();
            steps = 0;
        }
        return TrainingFiles.weightsSha256(file);
    }

    @Override
    public void export(Path directory, String storedType) throws IOException {
        tensors.export(directory, storedType);
    }

    /** The tensors, for tests. */
    TrainingTensors tensors() {
        return tensors;
    }

    @Override
    public void close() {
        rotary.close();
        tensors.close();
        script.close();
    }
}
