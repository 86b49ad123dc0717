package dev.lyne.lm.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A decoder-only transformer's shape, as a Hugging Face `config.json` states it. What tells the families of an architecture apart
 * stands in fields (biases, norms of queries and keys, windows), so that one forward serves all.
 *
 * @param modelType {@code llama}, {@code mistral}, {@code qwen2}, {@code qwen3}, {@code gpt2} or {@code gpt_neox}
 * @param vocabularySize rows of the embedding; may exceed the tokenizer's ids
 * @param contextLength longest sequence, in tokens
 * @param normEpsilon of RMS or layer norms
 * @param attentionBias whether the query, key and value projections have a bias
 * @param outputBias whether the attention's output projection has a bias
 * @param mlpBias whether the three MLP projections have a bias
 * @param queryKeyNorm whether queries and keys pass an RMS norm a head, before rotation
 * @param slidingWindows per layer, how many positions a query sees, itself among them; 0 for all
 * @param rotarySize dimensions of a head that turn with the position, the first ones; 0 where positions are learned
 * @param activation of the feed-forward: {@code silu}, {@code gelu}, or {@code gelu_new}, which is gelu by a hyperbolic tangent
 * @param parallelResidual whether the feed-forward reads the residual stream from before the attention
 * @param output what becomes of the output matrix's products
 * @param storedType type of the weights on disk: {@code float32}, {@code bfloat16}, {@code float16} or {@link #TENSORS_OWN_TYPE}
 * @param eosIds ids that end a sequence; may be empty
 */
public record ModelConfiguration(
        String modelType,
        int vocabularySize,
        int contextLength,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        int keyValueHeads,
        int headSize,
        double normEpsilon,
        double ropeTheta,
        RopeScaling ropeScaling,
        boolean tiedEmbeddings,
        boolean attentionBias,
        boolean outputBias,
        boolean mlpBias,
        boolean queryKeyNorm,
        List<Integer> slidingWindows,
        int rotarySize,
        String activation,
        boolean parallelResidual,
        OutputLayer output,
        String storedType,
        OptionalInt bosId,
        List<Integer> eosIds) {

    private static final Logger LOG = LoggerFactory.getLogger(ModelConfiguration.class);

    /** Name of the file in a model directory. */
    public static final String FILE_NAME = "config.json";

    /** The stored type where the tensors themselves say it, and the configuration does not. */
    public static final String TENSORS_OWN_TYPE = "auto";

    private static final List<String> ACTIVATIONS = List.of("silu", "gelu", "gelu_new");

    public ModelConfiguration {
        Family family = Family.of(modelType);
        requirePositive("vocab_size", vocabularySize);
        requirePositive(family.key("max_position_embeddings"), contextLength);
        requirePositive(family.key("hidden_size"), hiddenSize);
        requirePositive(family.key("intermediate_size"), intermediateSize);
        requirePositive(family.key("num_hidden_layers"), layers);
        requirePositive(family.key("num_attention_heads"), heads);
        requirePositive("num_key_value_heads", keyValueHeads);
        requirePositive("head_dim", headSize);
        if (heads % keyValueHeads != 0) {
            throw new IllegalArgumentException("num_key_value_heads: " + keyValueHeads
                    + " (expected: a divisor of num_attention_heads=" + heads + ")");
        }
        if (rotarySize == headSize && headSize % 2 != 0) {
            throw new IllegalArgumentException(
                    "head_dim: " + headSize + " (expected: an even number, for rotary positions)");
        }
        if (rotarySize < 0 || rotarySize > headSize || rotarySize % 2 != 0) {
            throw new IllegalArgumentException("rotary dimensions of a head: " + rotarySize
                    + " (expected: an even number, 0.." + headSize + ", the size of a head)");
        }
        if (!ACTIVATIONS.contains(activation)) {
            throw new IllegalArgumentException(
                    "activation: " + activation + " (expected: " + String.join(", ", ACTIVATIONS) + ")");
        }
        if (output.bias() && tiedEmbeddings) {
            throw new IllegalArgumentException(
                    "tie_word_embeddings: true (expected: false, as the output layer has a bias)");
        }
        if (!(normEpsilon > 0) || normEpsilon > 1) {
            throw new IllegalArgumentException(
                    family.key("rms_norm_eps") + ": " + normEpsilon + " (expected: above 0, at most 1)");
        }
        if (!(ropeTheta > 1) || Double.isInfinite(ropeTheta)) {
            throw new IllegalArgumentException(family.key("rope_theta") + ": " + ropeTheta + " (expected: above 1)");
        }
        slidingWindows = List.copyOf(slidingWindows);
        if (slidingWindows.size() != layers) {
            throw new IllegalArgumentException("sliding windows: " + slidingWindows.size()
                    + " (expected: one a layer, num_hidden_layers=" + layers + ")");
        }
        for (int window : slidingWindows) {
            if (window < 0) {
                throw new IllegalArgumentException("sliding_window: " + window + " (expected: at least 1, or none)");
            }
        }
        if (!storedType.equals(TENSORS_OWN_TYPE)) {
            ComputePrecision.of(storedType);
        }
        if (bosId.isPresent()) {
            requireId("bos_token_id", bosId.getAsInt(), vocabularySize);
        }
        eosIds = List.copyOf(eosIds);
        for (int id : eosIds) {
            requireId("eos_token_id", id, vocabularySize);
        }
    }

    /** Reads `config.json` of a model directory; refuses what is not supported, naming file, key, value and expectation. */
    public static ModelConfiguration read(Path directory) {
        return readFile(directory.resolve(FILE_NAME));
    }

    /** Reads a file in the form of `config.json`. */
    public static ModelConfiguration readFile(Path file) {
        return ConfigurationReader.read(file).configuration();
    }

    /** Reads like {@link #readFile}, and tells in the log which keys have no effect, as the family does not know them. */
    public static ModelConfiguration readAndTell(Path file) {
        ConfigurationReader.Outcome outcome = ConfigurationReader.read(file);
        if (!outcome.ignored().isEmpty()) {
            LOG.warn(
                    "{}: without effect in a model of model_type {}: {}",
                    file,
                    outcome.configuration().modelType(),
                    String.join(", ", outcome.ignored()));
        }
        return outcome.configuration();
    }

    /** A Llama without biases, stored as float32, heads of {@code hiddenSize / heads}, no bos or eos. */
    public static ModelConfiguration llama(
            int hiddenSize,
            int layers,
            int heads,
            int keyValueHeads,
            int intermediateSize,
            int vocabularySize,
            int contextLength,
            double ropeTheta,
            boolean tiedEmbeddings) {
        requirePositive("num_attention_heads", heads);
        if (hiddenSize % heads != 0) {
            throw new IllegalArgumentException(
                    "hidden_size: " + hiddenSize + " (expected: a multiple of num_attention_heads=" + heads + ")");
        }
        requirePositive("num_hidden_layers", layers);
        int headSize = hiddenSize / heads;
        return new ModelConfiguration(
                Family.LLAMA.modelType(),
                vocabularySize,
                contextLength,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                keyValueHeads,
                headSize,
                1e-5,
                ropeTheta,
                new RopeScaling.Default(),
                tiedEmbeddings,
                false,
                false,
                false,
                false,
                Collections.nCopies(layers, 0),
                headSize,
                "silu",
                false,
                OutputLayer.PLAIN,
                ComputePrecision.FLOAT32.torchName(),
                OptionalInt.empty(),
                List.of());
    }

    /** The same with other special tokens. */
    public ModelConfiguration withSpecialTokens(OptionalInt bosId, List<Integer> eosIds) {
        return copy(storedType, bosId, eosIds);
    }

    /** The same, weights stored as {@code float32}, {@code bfloat16} or {@code float16}. */
    public ModelConfiguration withStoredType(String storedType) {
        return copy(storedType, bosId, eosIds);
    }

    private ModelConfiguration copy(String newStoredType, OptionalInt newBosId, List<Integer> newEosIds) {
        return new ModelConfiguration(
                modelType,
                vocabularySize,
                contextLength,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                keyValueHeads,
                headSize,
                normEpsilon,
                ropeTheta,
                ropeScaling,
                tiedEmbeddings,
                attentionBias,
                outputBias,
                mlpBias,
                queryKeyNorm,
                slidingWindows,
                rotarySize,
                activation,
                parallelResidual,
                output,
                newStoredType,
                newBosId,
                newEosIds);
    }

    /** Writes a `config.json` into the directory that `transformers` loads as the same model. */
    public void write(Path directory) throws IOException {
        ConfigurationWriter.write(this, directory.resolve(FILE_NAME));
    }

    /** What decides the arithmetic, as JSON in one fixed form: equal strings compute equal rows from equal weights. */
    public String canonicalArithmetic() {
        return ConfigurationWriter.canonicalArithmetic(this);
    }

    /** The kind of transformer that the family is of. */
    public Architecture architecture() {
        return Family.of(modelType).architecture();
    }

    /** Tensor names of `transformers` with their shapes, in the order of the forward; a tied output matrix is not listed. */
    public Map<String, long[]> expectedTensors() {
        return Collections.unmodifiableMap(architecture().tensors(this));
    }

    /** What a tensor that {@link #expectedTensors} does not list follows from, where it may stand in a file all the same. */
    public Optional<DerivedTensor> derivedTensor(String name) {
        return tiedEmbeddings && name.equals(outputTensor())
                ? Optional.of(DerivedTensor.TIED_OUTPUT)
                : architecture().derivedTensor(name);
    }

    /** Whether a tensor follows from others or from the configuration: see {@link #derivedTensor}. */
    public boolean isDerivedTensor(String name) {
        return derivedTensor(name).isPresent();
    }

    /** Name of the embedding matrix. */
    public String embeddingTensor() {
        return architecture().embeddingName();
    }

    /** Name of the output matrix, where it is a tensor of its own. */
    public String outputTensor() {
        return architecture().outputName() + ".weight";
    }

    /** The name that a tensor of a file has among {@link #expectedTensors}. */
    public String canonicalName(String stored) {
        return architecture().canonicalName(stored);
    }

    /** Numbers in the weights, a tied matrix once. */
    public long parameters() {
        long sum = 0;
        for (long[] shape : expectedTensors().values()) {
            long product = 1;
            for (long extent : shape) {
                product *= extent;
            }
            sum += product;
        }
        return sum;
    }

    private static void requirePositive(String key, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: at least 1)");
        }
    }

    private static void requireId(String key, int id, int vocabularySize) {
        if (id < 0 || id >= vocabularySize) {
            throw new IllegalArgumentException(
                    key + ": " + id + " (expected: 0.." + (vocabularySize - 1) + ", below vocab_size)");
        }
    }
}
