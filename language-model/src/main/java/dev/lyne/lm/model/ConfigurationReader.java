package dev.lyne.lm.model;

import dev.lyne.lm.model.ModelConfiguration.Attention;
import dev.lyne.lm.model.ModelConfiguration.Boundaries;
import dev.lyne.lm.model.ModelConfiguration.FeedForward;
import dev.lyne.lm.model.ModelConfiguration.Norms;
import dev.lyne.lm.model.ModelConfiguration.Rotation;
import dev.lyne.lm.model.ModelConfiguration.Sizes;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Reads `config.json`: what Llama, Mistral, Qwen2 and Qwen3 say, and what all families share. Keys that would change the arithmetic and
 * are not supported are refused by name, those that change nothing are passed over, and an absent key has the default of `transformers` 5.
 */
final class ConfigurationReader {
    /** Layer types by their older names. */
    private static final Map<String, String> OLDER_LAYER_TYPES = Map.of("attention", "full_attention");

    private static final String FULL = "full_attention";
    private static final String SLIDING = "sliding_attention";
    private static final String CHUNKED = "chunked_attention";

    private final ConfigurationFields fields;
    private final Family family;

    private ConfigurationReader(ConfigurationFields fields) {
        this.fields = fields;
        String modelType = fields.text("model_type", Family.NAMES);
        if (!Family.isKnown(modelType)) {
            throw fields.refuse("model_type", Family.NAMES);
        }
        this.family = Family.of(modelType);
    }

    /** A configuration, and the keys of its file that have no effect because the family does not know them. */
    record Outcome(ModelConfiguration configuration, Set<String> ignored) {}

    static Outcome read(Path file) {
        ConfigurationFields fields = ConfigurationFields.parse(file);
        ModelConfiguration configuration = new ConfigurationReader(fields).configuration(file);
        return new Outcome(configuration, fields.ignored());
    }

    private ModelConfiguration configuration(Path file) {
        ConfigurationKeys.of(family).check(fields);
        try {
            return switch (family.architecture()) {
                case LLAMA -> llama();
                case GPT2 -> new GptReader(fields, this).gpt2();
                case GPT_NEOX -> new GptReader(fields, this).neoX();
            };
        } catch (IllegalArgumentException e) {
            String message = String.valueOf(e.getMessage());
            if (message.startsWith(file.toString())) {
                throw e;
            }
            throw new IllegalArgumentException(file + ": " + message, e);
        }
    }

    private ModelConfiguration llama() {
        String activation = fields.text("hidden_act", "silu or swish", "silu");
        if (!activation.equals("silu") && !activation.equals("swish")) {
            throw fields.refuse("hidden_act", "silu or swish");
        }
        Family.Defaults defaults = family.defaults();
        int hiddenSize = fields.integer("hidden_size", defaults.hidden());
        int layers = fields.integer("num_hidden_layers", defaults.layers());
        int heads = fields.integer("num_attention_heads", defaults.heads());
        int contextLength = fields.integer("max_position_embeddings", defaults.contextLength());
        Family.Traits traits = family.traits();
        boolean bias = traits.attention() == Family.Biases.CHOSEN && fields.bool("attention_bias", false);
        int headSize = family.headSize(fields, hiddenSize, heads);
        List<Integer> windows = slidingWindows(layers);
        requireSameLayers();
        Rotation rotation = new RopeReader(fields, family, contextLength, headSize, ropeLayerTypes(windows)).read();
        int vocabularySize = fields.integer("vocab_size", defaults.vocabulary());
        int feedForwardSize = fields.integer("intermediate_size", defaults.intermediate());
        int keyValueHeads = family.keyValueHeads(fields, heads);
        Norms norms = new Norms(fields.number("rms_norm_eps", defaults.normEpsilon()), traits.queryKeyNorms());
        boolean tied = fields.bool("tie_word_embeddings", false);
        boolean feedForwardBias = traits.feedForward() == Family.Biases.CHOSEN && fields.bool("mlp_bias", false);
        boolean inputBias = bias || traits.attention() == Family.Biases.OF_INPUTS;
        return new ModelConfiguration(
                family.modelType(),
                new Sizes(vocabularySize, contextLength, hiddenSize, layers),
                new Attention(heads, keyValueHeads, headSize, inputBias, bias, windows),
                rotation,
                new FeedForward(feedForwardSize, "silu", feedForwardBias, false),
                norms,
                tied,
                OutputLayer.PLAIN,
                storedType(),
                boundaries());
    }

    /** Settings of single layers: none that the model as a whole does not have. */
    void requireSameLayers() {
        for (JsonNode layer :
                fields.node("per_layer_config").map(JsonNode::values).orElse(List.of())) {
            boolean same = layer.isObject()
                    && layer.properties().stream()
                            .allMatch(setting -> fields.node(setting.getKey())
                                    .filter(setting.getValue()::equals)
                                    .isPresent());
            if (!same) {
                throw fields.refuse("per_layer_config", "null, or absent: layers that differ are not supported");
            }
        }
        if (fields.has("per_layer_config") && !fields.isObject("per_layer_config")) {
            throw fields.refuse("per_layer_config", "null, or absent: layers that differ are not supported");
        }
    }

    String storedType() {
        String expectation = "float32, bfloat16, float16, or auto for the tensors' own type";
        String older = storedType("torch_dtype", expectation);
        String newer = storedType("dtype", expectation);
        if (fields.has("dtype") && fields.has("torch_dtype") && !newer.equals(older)) {
            throw fields.disagree("dtype", fields, "torch_dtype");
        }
        return fields.has("dtype") ? newer : older;
    }

    private String storedType(String key, String expectation) {
        String name = fields.optionalText(key, expectation).orElse(ModelConfiguration.TENSORS_OWN_TYPE);
        String type = name.startsWith("torch.") ? name.substring("torch.".length()) : name;
        return switch (type) {
            case "float32", "bfloat16", "float16", ModelConfiguration.TENSORS_OWN_TYPE -> type;
            case "float" -> "float32";
            case "half" -> "float16";
            default -> throw fields.refuse(key, expectation);
        };
    }

    /** The tokens that begin and end a sequence; −1 stands for none. */
    Boundaries boundaries() {
        List<Integer> bos = ids(
                "bos_token_id",
                fields.optionalInteger("bos_token_id").stream().boxed().toList());
        List<Integer> eos = ids("eos_token_id", fields.integers("eos_token_id"));
        return new Boundaries(bos.isEmpty() ? OptionalInt.empty() : OptionalInt.of(bos.get(0)), eos);
    }

    /** Ids past the vocabulary never come up, and are no reason to refuse a model. */
    private List<Integer> ids(String key, List<Integer> ids) {
        int vocabulary = fields.integer("vocab_size", family.defaults().vocabulary());
        List<Integer> real = new ArrayList<>();
        for (int id : ids) {
            if (id >= 0 && id < vocabulary) {
                real.add(id);
            } else if (id != -1) {
                fields.ignore(key);
            }
        }
        return real;
    }

    private List<Integer> slidingWindows(int layers) {
        int count = Math.max(layers, 0);
        return switch (family.traits().windows()) {
            case NONE -> unwindowed(count);
            case ON_ALL_LAYERS -> {
                boolean none = fields.mentions("sliding_window") && !fields.has("sliding_window");
                yield Collections.nCopies(count, none ? 0 : window());
            }
            case BY_LAYER -> layeredWindows(count);
        };
    }

    /**
     * Returns the layers' windows of a family without any: keys that speak of them have no effect, if they are such
     * that a model can be made at all.
     */
    List<Integer> unwindowed(int layers) {
        if (fields.has("sliding_window")) {
            window();
        }
        for (String type : layerTypes(layers)) {
            boolean possible = type.equals(FULL)
                    || (type.equals(SLIDING) && fields.has("sliding_window"))
                    || (type.equals(CHUNKED) && fields.has("attention_chunk_size"));
            if (!possible) {
                throw fields.refuse("layer_types", FULL + " throughout, or absent");
            }
        }
        fields.ignore("sliding_window");
        fields.ignore("layer_types");
        return Collections.nCopies(Math.max(layers, 0), 0);
    }

    private List<String> layerTypes(int layers) {
        List<String> types = fields.optionalTexts("layer_types").orElse(List.of()).stream()
                .map(type -> OLDER_LAYER_TYPES.getOrDefault(type, type))
                .toList();
        if (fields.has("layer_types") && types.size() != layers) {
            throw fields.refuse("layer_types", "one a layer, num_hidden_layers=" + layers);
        }
        return types;
    }

    private List<Integer> layeredWindows(int layers) {
        boolean none = fields.mentions("sliding_window") && !fields.has("sliding_window");
        boolean windowed = fields.bool("use_sliding_window", false) && !none;
        List<String> types = layerTypes(layers);
        List<Integer> windows = new ArrayList<>();
        if (!fields.has("layer_types")) {
            int first = fields.integer("max_window_layers", 28);
            for (int layer = 0; layer < layers; layer++) {
                windows.add(windowed && layer >= first ? window() : 0);
            }
            return windows;
        }
        for (String type : types) {
            boolean full = type.equals(FULL);
            if (!full && !type.equals(SLIDING)) {
                throw fields.refuse("layer_types", "full_attention or sliding_attention");
            }
            if (!full && !windowed) {
                throw fields.refuse("layer_types", "full_attention throughout, as no sliding window is in use");
            }
            windows.add(full ? 0 : window());
        }
        return windows;
    }

    /** The kinds of layers that rotary settings may be given for. */
    private Set<String> ropeLayerTypes(List<Integer> windows) {
        Set<String> types =
                new LinkedHashSet<>(fields.optionalTexts("layer_types").orElse(List.of()));
        if (family.traits().windows() == Family.Windows.BY_LAYER) {
            windows.forEach(window -> types.add(window == 0 ? FULL : SLIDING));
        }
        return types;
    }

    private int window() {
        int window = fields.integer("sliding_window", 4096);
        if (window < 1) {
            throw fields.refuse("sliding_window", "at least 1, or null for none");
        }
        return window;
    }
}
