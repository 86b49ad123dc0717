package dev.lyne.lm.model;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A `model_type` that is understood, with the class of `transformers` that carries it. What tells it from others of its architecture stands
 * here, and nowhere else: readers, writers and the table of keys ask for it.
 */
enum Family {
    LLAMA(
            "llama",
            "LlamaForCausalLM",
            Architecture.LLAMA,
            new Defaults(32_000, 4096, 11_008, 32, 32, 2048, 1e-6),
            new Traits(Biases.CHOSEN, Biases.CHOSEN, false, Windows.NONE)),
    MISTRAL(
            "mistral",
            "MistralForCausalLM",
            Architecture.LLAMA,
            new Defaults(32_000, 4096, 14_336, 32, 32, 131_072, 1e-6),
            new Traits(Biases.NONE, Biases.NONE, false, Windows.ON_ALL_LAYERS)),
    QWEN2(
            "qwen2",
            "Qwen2ForCausalLM",
            Architecture.LLAMA,
            new Defaults(151_936, 4096, 22_016, 32, 32, 32_768, 1e-6),
            new Traits(Biases.OF_INPUTS, Biases.NONE, false, Windows.BY_LAYER)),
    QWEN3(
            "qwen3",
            "Qwen3ForCausalLM",
            Architecture.LLAMA,
            new Defaults(151_936, 4096, 22_016, 32, 32, 32_768, 1e-6),
            new Traits(Biases.CHOSEN, Biases.NONE, true, Windows.BY_LAYER)),
    GPT2(
            "gpt2",
            "GPT2LMHeadModel",
            Architecture.GPT2,
            new Defaults(50_257, 768, 3072, 12, 12, 1024, 1e-5),
            new Traits(Biases.ALL, Biases.ALL, false, Windows.NONE)),
    GPT_NEOX(
            "gpt_neox",
            "GPTNeoXForCausalLM",
            Architecture.GPT_NEOX,
            new Defaults(50_432, 6144, 24_576, 44, 64, 2048, 1e-5),
            new Traits(Biases.CHOSEN, Biases.ALL, false, Windows.NONE));

    /** Products of a layer's part that have a bias. */
    enum Biases {
        NONE,
        /** A key of the configuration says whether all have, or none: `attention_bias`, `mlp_bias`. */
        CHOSEN,
        /** The products of queries, keys and values. */
        OF_INPUTS,
        ALL
    }

    /** Layers that may see a window of positions alone. */
    enum Windows {
        NONE,
        /** `sliding_window` holds for each. */
        ON_ALL_LAYERS,
        /** `use_sliding_window`, with `layer_types` or `max_window_layers`, says for which it holds. */
        BY_LAYER
    }

    /**
     * Traits that tell families apart.
     *
     * @param attention biases of attention's products
     * @param feedForward biases of the feed-forward part's products
     * @param queryKeyNorms whether queries and keys have norms
     */
    record Traits(Biases attention, Biases feedForward, boolean queryKeyNorms, Windows windows) {}

    /** Sizes that `transformers` takes where a configuration names none. */
    record Defaults(
            int vocabulary,
            int hidden,
            int intermediate,
            int layers,
            int heads,
            int contextLength,
            double normEpsilon) {}

    /** Names of all, for people. */
    static final String NAMES = names();

    private final String modelType;
    private final String transformersClass;
    private final Architecture architecture;
    private final Defaults defaults;
    private final Traits traits;

    Family(String modelType, String transformersClass, Architecture architecture, Defaults defaults, Traits traits) {
        this.modelType = modelType;
        this.transformersClass = transformersClass;
        this.architecture = architecture;
        this.defaults = defaults;
        this.traits = traits;
    }

    /** Returns the traits that tell the family apart. */
    Traits traits() {
        return traits;
    }

    /** Sizes of a configuration that names none. */
    Defaults defaults() {
        return defaults;
    }

    String modelType() {
        return modelType;
    }

    String transformersClass() {
        return transformersClass;
    }

    Architecture architecture() {
        return architecture;
    }

    /** The name that the family's configuration has for what most call so. */
    String key(String usual) {
        return switch (this) {
            case GPT2 ->
                switch (usual) {
                    case "max_position_embeddings" -> "n_positions";
                    case "hidden_size" -> "n_embd";
                    case "intermediate_size" -> "n_inner";
                    case "num_hidden_layers" -> "n_layer";
                    case "num_attention_heads" -> "n_head";
                    case "rms_norm_eps" -> "layer_norm_epsilon";
                    default -> usual;
                };
            case GPT_NEOX ->
                switch (usual) {
                    case "rms_norm_eps" -> "layer_norm_eps";
                    case "rope_theta" -> "rotary_emb_base";
                    default -> usual;
                };
            default -> usual;
        };
    }

    /** Key-value heads of a configuration of Llama's architecture. */
    int keyValueHeads(ConfigurationFields fields, int heads) {
        String key = "num_key_value_heads";
        return switch (this) {
            case MISTRAL -> fields.integer(key, 8);
            case QWEN2, QWEN3 -> fields.optionalInteger(key).orElse(fields.mentions(key) ? heads : 32);
            default -> fields.optionalInteger(key).orElse(heads);
        };
    }

    /** Size of a head of a configuration of Llama's architecture. */
    int headSize(ConfigurationFields fields, int hiddenSize, int heads) {
        if (this == QWEN3) {
            return fields.integer("head_dim", 128);
        }
        if (this == QWEN2 && fields.mentions("head_dim")) {
            return fields.integer("head_dim");
        }
        boolean divides = heads > 0 && hiddenSize % heads == 0;
        if (fields.has("head_dim") && (divides || this != LLAMA)) {
            return fields.integer("head_dim");
        }
        if (!divides) {
            throw fields.refuse("hidden_size", "a multiple of num_attention_heads=" + heads);
        }
        return hiddenSize / heads;
    }

    /** Keys of its own that decide nothing of the logits. */
    List<String> harmlessKeys() {
        return this == LLAMA ? List.of("pretraining_tp") : List.of();
    }

    static boolean isKnown(String modelType) {
        return Arrays.stream(values()).anyMatch(family -> family.modelType.equals(modelType));
    }

    static Family of(String modelType) {
        return Arrays.stream(values())
                .filter(family -> family.modelType.equals(modelType))
                .findFirst()
                .orElseThrow(
                        () -> new IllegalArgumentException("model_type: " + modelType + " (expected: " + NAMES + ")"));
    }

    private static String names() {
        List<String> all =
                Arrays.stream(values()).map(family -> family.modelType).toList();
        int last = all.size() - 1;
        return all.subList(0, last).stream().collect(Collectors.joining(", ", "", " or " + all.get(last)));
    }
}
