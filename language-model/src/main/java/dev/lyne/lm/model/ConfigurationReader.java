package dev.lyne.lm.model;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * Reads `config.json`. Keys that do not touch the arithmetic are passed over; those that would change it and are not supported
 * are refused by name. A key may be absent only where `transformers` has one default for every version of the family.
 */
final class ConfigurationReader {
    private static final double DEFAULT_ROPE_THETA = 10_000;

    /** Keys that change the arithmetic unless absent, null or the given value. */
    private static final Map<String, Double> NEUTRAL_NUMBERS = Map.of(
            "embedding_multiplier", 1.0,
            "residual_multiplier", 1.0,
            "logits_scaling", 1.0,
            "logit_scale", 1.0);

    private static final Map<String, Double> LLAMA_NEUTRAL_NUMBERS =
            Map.of("partial_rotary_factor", 1.0, "rotary_pct", 1.0);

    private static final List<String> UNSUPPORTED_KEYS = List.of(
            "quantization_config",
            "attn_logit_softcapping",
            "attention_logit_softcapping",
            "final_logit_softcapping",
            "attention_multiplier",
            "query_pre_attn_scalar",
            "num_experts",
            "num_local_experts",
            "clip_qkv",
            "no_rope_layers",
            "per_layer_config");

    private static final List<String> UNSUPPORTED_SWITCHES = List.of(
            "add_cross_attention",
            "is_encoder_decoder",
            "use_mrope",
            "use_qk_norm",
            "alibi",
            "scale_attn_by_inverse_layer_idx");

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

    static ModelConfiguration read(Path file) {
        ConfigurationFields fields = ConfigurationFields.parse(file);
        return new ConfigurationReader(fields).configuration(file);
    }

    private ModelConfiguration configuration(Path file) {
        refuseUnsupported();
        try {
            return switch (family.architecture()) {
                case LLAMA -> llama();
                case GPT2 -> new GptReader(fields, storedType()).gpt2();
                case GPT_NEOX -> new GptReader(fields, storedType()).neoX();
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
        String activation = fields.optionalText("hidden_act", "silu").orElse("silu");
        if (!activation.equals("silu")) {
            throw fields.refuse("hidden_act", "silu");
        }
        refuseNumbers(LLAMA_NEUTRAL_NUMBERS);
        int hiddenSize = fields.integer("hidden_size");
        int layers = fields.integer("num_hidden_layers");
        int heads = fields.integer("num_attention_heads");
        int contextLength = fields.integer("max_position_embeddings");
        boolean ownBias = fields.optionalBoolean("attention_bias").orElse(false);
        boolean biasIsChosen = family == Family.LLAMA || family == Family.QWEN3;
        RopeReader rope = RopeReader.read(fields, contextLength, DEFAULT_ROPE_THETA, 1);
        if (rope.share() != 1) {
            throw new IllegalArgumentException("partial_rotary_factor: " + rope.share()
                    + " (expected: 1.0, or absent: other values are not supported)");
        }
        int headSize = headSize(hiddenSize, heads);
        return new ModelConfiguration(
                family.modelType(),
                fields.integer("vocab_size"),
                contextLength,
                hiddenSize,
                fields.integer("intermediate_size"),
                layers,
                heads,
                keyValueHeads(heads),
                headSize,
                fields.number("rms_norm_eps"),
                rope.theta(),
                rope.scaling(),
                fields.optionalBoolean("tie_word_embeddings").orElse(false),
                family == Family.QWEN2 || (biasIsChosen && ownBias),
                biasIsChosen && ownBias,
                family == Family.LLAMA && fields.optionalBoolean("mlp_bias").orElse(false),
                family == Family.QWEN3,
                slidingWindows(layers),
                headSize,
                activation,
                false,
                OutputLayer.PLAIN,
                storedType(),
                fields.optionalInteger("bos_token_id"),
                fields.integers("eos_token_id"));
    }

    private void refuseUnsupported() {
        fields.optionalTexts("architectures").ifPresent(names -> {
            if (!names.equals(List.of(family.transformersClass()))) {
                throw fields.refuse(
                        "architectures", "[\"" + family.transformersClass() + "\"] for " + family.modelType());
            }
        });
        refuseNumbers(NEUTRAL_NUMBERS);
        for (String key : UNSUPPORTED_KEYS) {
            if (fields.has(key)) {
                throw fields.refuse(key, "absent: not supported");
            }
        }
        for (String key : UNSUPPORTED_SWITCHES) {
            if (fields.optionalBoolean(key).orElse(false)) {
                throw fields.refuse(key, "false, or absent: not supported");
            }
        }
    }

    private void refuseNumbers(Map<String, Double> neutralNumbers) {
        neutralNumbers.forEach((key, neutral) -> {
            if (fields.optionalNumber(key).orElse(neutral) != neutral) {
                throw fields.refuse(key, neutral + ", or absent: other values are not supported");
            }
        });
    }

    private int keyValueHeads(int heads) {
        if (family == Family.LLAMA || fields.mentions("num_key_value_heads")) {
            return fields.optionalInteger("num_key_value_heads").orElse(heads);
        }
        return fields.integer("num_key_value_heads");
    }

    private int headSize(int hiddenSize, int heads) {
        if (family == Family.QWEN3 || fields.has("head_dim")) {
            return fields.integer("head_dim");
        }
        if (heads < 1 || hiddenSize % heads != 0) {
            throw fields.refuse(
                    "hidden_size", "a multiple of num_attention_heads=" + heads + ", as head_dim is absent");
        }
        return hiddenSize / heads;
    }

    private String storedType() {
        String key = fields.has("dtype") ? "dtype" : "torch_dtype";
        String expectation = "float32, bfloat16 or float16";
        String type = fields.optionalText(key, expectation).orElse("float32");
        if (!List.of("float32", "bfloat16", "float16").contains(type)) {
            throw fields.refuse(key, expectation);
        }
        return type;
    }

    private List<Integer> slidingWindows(int layers) {
        int count = Math.max(layers, 0);
        return switch (family) {
            case LLAMA -> Collections.nCopies(count, 0);
            case MISTRAL -> {
                // Its default differs from none, so absence would have to be guessed at.
                if (!fields.mentions("sliding_window")) {
                    throw fields.missing("sliding_window", "an integer, or null for none");
                }
                refuseLayerTypes();
                yield Collections.nCopies(count, fields.has("sliding_window") ? window() : 0);
            }
            default -> layeredWindows(count);
        };
    }

    private void refuseLayerTypes() {
        if (fields.has("layer_types")) {
            throw fields.refuse("layer_types", "absent for mistral: not supported");
        }
    }

    private List<Integer> layeredWindows(int layers) {
        boolean windowed = fields.optionalBoolean("use_sliding_window").orElse(false) && fields.has("sliding_window");
        int window = windowed ? window() : 0;
        List<String> types = fields.optionalTexts("layer_types").orElse(List.of());
        if (types.isEmpty()) {
            int first = windowed ? fields.integer("max_window_layers") : layers;
            List<Integer> windows = new ArrayList<>();
            for (int layer = 0; layer < layers; layer++) {
                windows.add(layer >= first ? window : 0);
            }
            return windows;
        }
        if (types.size() != layers) {
            throw fields.refuse("layer_types", "one a layer, num_hidden_layers=" + layers);
        }
        List<Integer> windows = new ArrayList<>();
        for (String type : types) {
            boolean full = type.equals("full_attention");
            if (!full && !type.equals("sliding_attention")) {
                throw fields.refuse("layer_types", "full_attention or sliding_attention");
            }
            if (!full && !windowed) {
                throw fields.refuse("layer_types", "full_attention throughout, as no sliding window is in use");
            }
            windows.add(full ? 0 : window);
        }
        return windows;
    }

    private int window() {
        int window = fields.integer("sliding_window");
        if (window < 1) {
            throw fields.refuse("sliding_window", "at least 1, or null for none");
        }
        return window;
    }
}
