package dev.lyne.lm.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * Treatment of each key of a family's `config.json`: it is read, passed over because it has no effect on logits, or
 * refused unless it has the value that has none. Every key that the family's class in `transformers` knows is here, and
 * every other one that `transformers` reads all the same.
 */
final class ConfigurationKeys {
    /** A rule: how a key is treated. */
    sealed interface Rule {}

    /** A reader takes it; {@code limits} says which values are understood, and is empty where all are. */
    record Read(String limits) implements Rule {}

    /** A rule for keys that decide nothing of the logits. */
    record Harmless() implements Rule {}

    /** A rule for keys that would change the logits in a way that is not computed, unless their value passes. */
    record Refused(String expectation, Predicate<JsonNode> passes) implements Rule {}

    private static final Predicate<JsonNode> NULL = JsonNode::isNull;
    private static final Predicate<JsonNode> TRUE = node -> node.isBoolean() && node.booleanValue();
    private static final Predicate<JsonNode> FALSE = node -> node.isBoolean() && !node.booleanValue();
    private static final Predicate<JsonNode> EMPTY = node -> node.isObject() && node.isEmpty();

    /** Keys of every configuration class; those of generation came to stand in configurations, too. */
    private static final List<String> HARMLESS = List.of(
            "_attn_implementation",
            "_commit_hash",
            "_name_or_path",
            "architectures",
            "attn_implementation",
            "chunk_size_feed_forward",
            "experts_implementation",
            "id2label",
            "initializer_range",
            "is_encoder_decoder",
            "label2id",
            "name_or_path",
            "num_labels",
            "output_attentions",
            "output_hidden_states",
            "pad_token_id",
            "problem_type",
            "transformers_version",
            "use_cache");

    private static final List<String> GENERATION = List.of(
            "assistant_confidence_threshold",
            "assistant_lookbehind",
            "bad_words_ids",
            "begin_suppress_tokens",
            "diversity_penalty",
            "do_sample",
            "early_stopping",
            "encoder_no_repeat_ngram_size",
            "encoder_repetition_penalty",
            "epsilon_cutoff",
            "eta_cutoff",
            "exponential_decay_length_penalty",
            "forced_bos_token_id",
            "forced_eos_token_id",
            "length_penalty",
            "max_length",
            "min_length",
            "no_repeat_ngram_size",
            "num_assistant_tokens",
            "num_assistant_tokens_schedule",
            "num_beam_groups",
            "num_beams",
            "num_return_sequences",
            "output_scores",
            "remove_invalid_values",
            "repetition_penalty",
            "return_dict_in_generate",
            "suppress_tokens",
            "target_lookbehind",
            "temperature",
            "top_k",
            "top_p",
            "typical_p");

    private static final List<String> SIZES = List.of(
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "max_position_embeddings",
            "bos_token_id",
            "eos_token_id",
            "tie_word_embeddings");

    private static final String GELUS =
            "`gelu`, `gelu_python`, `gelu_new`, `gelu_pytorch_tanh`, `gelu_python_tanh`, `gelu_fast`, `gelu_accurate`";

    private final Map<String, Rule> rules = new TreeMap<>();

    private ConfigurationKeys() {}

    static ConfigurationKeys of(Family family) {
        ConfigurationKeys keys = new ConfigurationKeys();
        keys.everyFamily(family);
        switch (family.architecture()) {
            case LLAMA -> keys.llama(family);
            case GPT2 -> keys.gpt2();
            case GPT_NEOX -> keys.neoX();
        }
        return keys;
    }

    /** Rules by key, sorted. */
    Map<String, Rule> rules() {
        return rules;
    }

    /** Refuses what would change the logits, and notes what the family does not know. */
    void check(ConfigurationFields fields) {
        for (String key : fields.keys()) {
            Optional<JsonNode> node = fields.node(key);
            Rule rule = rules.get(key);
            if (rule == null) {
                fields.ignore(key);
            } else if (rule instanceof Refused refused
                    && node.isPresent()
                    && !refused.passes().test(node.get())) {
                throw fields.refuse(key, refused.expectation());
            }
        }
    }

    private void everyFamily(Family family) {
        HARMLESS.forEach(this::harmless);
        GENERATION.forEach(this::harmless);
        SIZES.forEach(this::read);
        rules.put(
                "model_type",
                new Read(Arrays.stream(Family.values())
                        .map(known -> "`" + known.modelType() + "`")
                        .collect(Collectors.joining(", "))));
        String types = "`float32`, `bfloat16`, `float16`, or `auto` for the tensors' own";
        rules.put("dtype", new Read(types));
        rules.put("torch_dtype", new Read(types));
        refuse("attribute_map", "absent", EMPTY.and(node -> family != Family.GPT2));
        refuse("_rope_type_labels", "absent", NULL);
        refuse("decoder", "null, or absent", NULL);
        refuse("fusion_config", "null, {}, or absent", NULL.or(EMPTY));
        refuse("generator", "null, or absent", NULL);
        refuse("is_causal", "true, or absent: attention to later positions is not computed", TRUE);
        refuse("kv_sharing_modes", "null, or absent", NULL);
        refuse("quantization_config", "null, or absent: quantised weights are not read", NULL);
        refuse("return_dict", "true, or absent", TRUE.or(NULL));
        refuse("text_config", "null, or absent: a model of text alone", NULL);
        refuse(
                "transformers_weights",
                "null, \"model.safetensors\", or absent",
                NULL.or(node -> node.isString() && node.stringValue().equals("model.safetensors")));
        rules.put("per_layer_config", new Read("null, or what each layer has anyway"));
        // These decide nothing outside Qwen, but `transformers` fails on lists that it cannot follow.
        rules.put("layer_types", new Read("null, or one known type a layer"));
        rules.put("sliding_window", new Read("null, or 1 and more"));
    }

    private void llama(Family family) {
        readAll(
                "intermediate_size",
                "num_key_value_heads",
                "head_dim",
                "rms_norm_eps",
                "original_max_position_embeddings");
        rules.put("hidden_act", new Read("`silu`, `swish`"));
        ropeKeys();
        rules.put("partial_rotary_factor", new Read("1.0 with scaled positions"));
        read("rope_theta");
        harmless("attention_dropout");
        if (family.traits().attention() == Family.Biases.CHOSEN) {
            read("attention_bias");
        }
        if (family.traits().feedForward() == Family.Biases.CHOSEN) {
            read("mlp_bias");
        }
        family.harmlessKeys().forEach(this::harmless);
        switch (family.traits().windows()) {
            case NONE -> {}
            case ON_ALL_LAYERS ->
                refuse("layer_types", "absent: windows that differ by layer are not supported", node -> false);
            case BY_LAYER -> {
                readAll("use_sliding_window", "max_window_layers");
                rules.put("layer_types", new Read("null, or `full_attention` and `sliding_attention` a layer"));
            }
        }
    }

    private void gpt2() {
        readAll("n_positions", "n_embd", "n_layer", "n_head", "n_inner", "layer_norm_epsilon");
        rules.put("activation_function", new Read(GELUS));
        for (String key : List.of(
                "attn_pdrop",
                "embd_pdrop",
                "resid_pdrop",
                "reorder_and_upcast_attn",
                "summary_activation",
                "summary_first_dropout",
                "summary_proj_to_labels",
                "summary_type",
                "summary_use_proj")) {
            harmless(key);
        }
        refuse("add_cross_attention", "false, or absent: not supported", FALSE);
        refuse("scale_attn_weights", "true, or absent: not supported", TRUE);
        refuse("scale_attn_by_inverse_layer_idx", "false, or absent: not supported", FALSE);
    }

    private void neoX() {
        readAll(
                "intermediate_size",
                "layer_norm_eps",
                "attention_bias",
                "use_parallel_residual",
                "rotary_pct",
                "rotary_emb_base",
                "original_max_position_embeddings");
        rules.put("head_dim", new Read("hidden_size / num_attention_heads, or absent"));
        rules.put("hidden_act", new Read(GELUS));
        ropeKeys();
        for (String key : List.of("attention_dropout", "hidden_dropout", "classifier_dropout", "is_decoder")) {
            harmless(key);
        }
    }

    private void ropeKeys() {
        String types =
                "rope types `default`, `linear`, `llama3`, `yarn`, and `dynamic`, which is `default` up to the context length";
        rules.put("rope_parameters", new Read(types));
        rules.put("rope_scaling", new Read(types));
    }

    private void readAll(String... keys) {
        for (String key : keys) {
            read(key);
        }
    }

    private void read(String key) {
        rules.put(key, new Read(""));
    }

    private void harmless(String key) {
        rules.put(key, new Harmless());
    }

    private void refuse(String key, String expectation, Predicate<JsonNode> passes) {
        rules.put(key, new Refused(expectation, passes));
    }

    /** A page's table of the keys whose values are limited: key, families, what is understood. */
    static String limitsTable() {
        Map<String, Map<String, List<String>>> byKey = new TreeMap<>();
        for (Family family : Family.values()) {
            of(family)
                    .rules
                    .forEach((key, rule) -> limits(rule)
                            .ifPresent(text -> byKey.computeIfAbsent(key, any -> new TreeMap<>())
                                    .computeIfAbsent(text, any -> new ArrayList<>())
                                    .add(family.modelType())));
        }
        StringBuilder table = new StringBuilder("| key | families | understood |\n| --- | --- | --- |\n");
        byKey.forEach((key, texts) -> texts.forEach((text, families) -> table.append("| `")
                .append(key)
                .append("` | ")
                .append(families.size() == Family.values().length ? "all" : String.join(", ", families))
                .append(" | ")
                .append(text)
                .append(" |\n")));
        return table.toString();
    }

    private static Optional<String> limits(Rule rule) {
        if (rule instanceof Refused refused) {
            return Optional.of(refused.expectation());
        }
        return rule instanceof Read read && !read.limits().isEmpty() ? Optional.of(read.limits()) : Optional.empty();
    }
}
