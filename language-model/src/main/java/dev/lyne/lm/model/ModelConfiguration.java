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
 * stands in fields (biases, norms of queries and keys, windows), so that one forward serves all. The parts are split by who reads
 * them; this record checks them together, as its messages name the keys of the family.
 *
 * @param modelType {@code llama}, {@code mistral}, {@code qwen2}, {@code qwen3}, {@code gpt2} or {@code gpt_neox}
 * @param tiedEmbeddings whether the output matrix is the embedding
 * @param output what becomes of the output matrix's products
 * @param storedType type of the weights on disk: {@code float32}, {@code bfloat16}, {@code float16} or {@link #TENSORS_OWN_TYPE}
 */
public record ModelConfiguration(
        String modelType,
        Sizes sizes,
        Attention attention,
        Rotation rotation,
        FeedForward feedForward,
        Norms norms,
        boolean tiedEmbeddings,
        OutputLayer output,
        String storedType,
        Boundaries boundaries) {

    /**
     * Sizes that the whole model has.
     *
     * @param vocabulary rows of the embedding; may exceed the tokenizer's ids
     * @param contextLength longest sequence, in tokens
     * @param hidden width of the residual stream
     */
    public record Sizes(int vocabulary, int contextLength, int hidden, int layers) {}

    /**
     * Configuration of attention.
     *
     * @param keyValueHeads heads of keys and values, each shared by as many query heads
     * @param headSize dimensions of a head
     * @param bias whether the query, key and value projections have a bias
     * @param outputBias whether the output projection has a bias
     * @param slidingWindows per layer, how many positions a query sees, itself among them; 0 for all
     */
    public record Attention(
            int heads,
            int keyValueHeads,
            int headSize,
            boolean bias,
            boolean outputBias,
            List<Integer> slidingWindows) {
        public Attention {
            slidingWindows = List.copyOf(slidingWindows);
        }
    }

    /**
     * How heads turn with the position.
     *
     * @param size dimensions of a head that turn, the first ones; 0 where positions are learned
     * @param theta base of the wavelengths
     */
    public record Rotation(int size, double theta, RopeScaling scaling) {}

    /**
     * Configuration of the feed-forward.
     *
     * @param size width between its matrices
     * @param activation {@code silu}, {@code gelu}, or {@code gelu_new}, which is gelu by a hyperbolic tangent
     * @param bias whether its projections have a bias
     * @param parallel whether it reads the residual stream from before the attention
     */
    public record FeedForward(int size, String activation, boolean bias, boolean parallel) {}

    /**
     * Configuration of the norms.
     *
     * @param epsilon of RMS or layer norms
     * @param queryKey whether queries and keys pass an RMS norm a head, before rotation
     */
    public record Norms(double epsilon, boolean queryKey) {}

    /**
     * Ids of the tokens that bound a sequence.
     *
     * @param bos begins a sequence
     * @param eos end a sequence; may be empty
     */
    public record Boundaries(OptionalInt bos, List<Integer> eos) {
        /** No token begins or ends a sequence. */
        public static final Boundaries NONE = new Boundaries(OptionalInt.empty(), List.of());

        public Boundaries {
            eos = List.copyOf(eos);
        }
    }

    private static final Logger LOG = LoggerFactory.getLogger(ModelConfiguration.class);

    /** Name of the file in a model directory. */
    public static final String FILE_NAME = "config.json";

    /** The stored type where the tensors themselves say it, and the configuration does not. */
    public static final String TENSORS_OWN_TYPE = "auto";

    private static final List<String> ACTIVATIONS = List.of("silu", "gelu", "gelu_new");

    public ModelConfiguration {
        Family family = Family.of(modelType);
        requirePositive("vocab_size", sizes.vocabulary());
        requirePositive(family.key("max_position_embeddings"), sizes.contextLength());
        requirePositive(family.key("hidden_size"), sizes.hidden());
        requirePositive(family.key("intermediate_size"), feedForward.size());
        requirePositive(family.key("num_hidden_layers"), sizes.layers());
        requirePositive(family.key("num_attention_heads"), attention.heads());
        requirePositive("num_key_value_heads", attention.keyValueHeads());
        requirePositive("head_dim", attention.headSize());
        if (attention.heads() % attention.keyValueHeads() != 0) {
            throw new IllegalArgumentException("num_key_value_heads: " + attention.keyValueHeads()
                    + " (expected: a divisor of num_attention_heads=" + attention.heads() + ")");
        }
        if (rotation.size() == attention.headSize() && attention.headSize() % 2 != 0) {
            throw new IllegalArgumentException(
                    "head_dim: " + attention.headSize() + " (expected: an even number, for rotary positions)");
        }
        if (rotation.size() < 0 || rotation.size() > attention.headSize() || rotation.size() % 2 != 0) {
            throw new IllegalArgumentException("rotary dimensions of a head: " + rotation.size()
                    + " (expected: an even number, 0.." + attention.headSize() + ", the size of a head)");
        }
        if (!ACTIVATIONS.contains(feedForward.activation())) {
            throw new IllegalArgumentException(
                    "activation: " + feedForward.activation() + " (expected: " + String.join(", ", ACTIVATIONS) + ")");
        }
        if (output.bias() && tiedEmbeddings) {
            throw new IllegalArgumentException(
                    "tie_word_embeddings: true (expected: false, as the output layer has a bias)");
        }
        if (!(norms.epsilon() > 0) || norms.epsilon() > 1) {
            throw new IllegalArgumentException(
                    family.key("rms_norm_eps") + ": " + norms.epsilon() + " (expected: above 0, at most 1)");
        }
        if (!(rotation.theta() > 1) || Double.isInfinite(rotation.theta())) {
            throw new IllegalArgumentException(
                    family.key("rope_theta") + ": " + rotation.theta() + " (expected: above 1)");
        }
        if (attention.slidingWindows().size() != sizes.layers()) {
            throw new IllegalArgumentException(
                    "sliding windows: " + attention.slidingWindows().size()
                            + " (expected: one a layer, num_hidden_layers=" + sizes.layers() + ")");
        }
        for (int window : attention.slidingWindows()) {
            if (window < 0) {
                throw new IllegalArgumentException("sliding_window: " + window + " (expected: at least 1, or none)");
            }
        }
        if (!storedType.equals(TENSORS_OWN_TYPE)) {
            ComputePrecision.of(storedType);
        }
        if (boundaries.bos().isPresent()) {
            requireId("bos_token_id", boundaries.bos().getAsInt(), sizes.vocabulary());
        }
        for (int id : boundaries.eos()) {
            requireId("eos_token_id", id, sizes.vocabulary());
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

    /** A Llama without biases, stored as float32, heads of {@code hidden / heads}, no bos or eos. */
    public static ModelConfiguration llama(
            Sizes sizes, int heads, int keyValueHeads, int feedForwardSize, double ropeTheta, boolean tiedEmbeddings) {
        requirePositive("num_attention_heads", heads);
        if (sizes.hidden() % heads != 0) {
            throw new IllegalArgumentException(
                    "hidden_size: " + sizes.hidden() + " (expected: a multiple of num_attention_heads=" + heads + ")");
        }
        requirePositive("num_hidden_layers", sizes.layers());
        int headSize = sizes.hidden() / heads;
        List<Integer> noWindows = Collections.nCopies(sizes.layers(), 0);
        return new ModelConfiguration(
                Family.LLAMA.modelType(),
                sizes,
                new Attention(heads, keyValueHeads, headSize, false, false, noWindows),
                new Rotation(headSize, ropeTheta, new RopeScaling.Default()),
                new FeedForward(feedForwardSize, "silu", false, false),
                new Norms(1e-5, false),
                tiedEmbeddings,
                OutputLayer.PLAIN,
                ComputePrecision.FLOAT32.torchName(),
                Boundaries.NONE);
    }

    /** Returns this configuration with other tokens that bound a sequence. */
    public ModelConfiguration withBoundaries(Boundaries other) {
        return new ModelConfiguration(
                modelType, sizes, attention, rotation, feedForward, norms, tiedEmbeddings, output, storedType, other);
    }

    /** The same, weights stored as {@code float32}, {@code bfloat16} or {@code float16}. */
    public ModelConfiguration withStoredType(String other) {
        return new ModelConfiguration(
                modelType, sizes, attention, rotation, feedForward, norms, tiedEmbeddings, output, other, boundaries);
    }

    /** Writes a `config.json` into the directory that `transformers` loads as the same model. */
    public void write(Path directory) throws IOException {
        ConfigurationWriter.write(this, directory.resolve(FILE_NAME));
    }

    /**
     * Returns all that decides the arithmetic, as JSON in one fixed form: equal strings compute equal rows from equal
     * weights.
     */
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

    /**
     * Returns the kind of a derived tensor: one that {@link #expectedTensors} does not list and that may stand in a
     * file all the same.
     */
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
