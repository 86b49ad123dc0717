package dev.lyne.lm.model;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** A `model_type` that is understood, with the class of `transformers` that carries it. */
enum Family {
    LLAMA("llama", "LlamaForCausalLM", Architecture.LLAMA, new Defaults(32_000, 4096, 11_008, 32, 32, 2048, 1e-6)),
    MISTRAL(
            "mistral",
            "MistralForCausalLM",
            Architecture.LLAMA,
            new Defaults(32_000, 4096, 14_336, 32, 32, 131_072, 1e-6)),
    QWEN2("qwen2", "Qwen2ForCausalLM", Architecture.LLAMA, new Defaults(151_936, 4096, 22_016, 32, 32, 32_768, 1e-6)),
    QWEN3("qwen3", "Qwen3ForCausalLM", Architecture.LLAMA, new Defaults(151_936, 4096, 22_016, 32, 32, 32_768, 1e-6)),
    GPT2("gpt2", "GPT2LMHeadModel", Architecture.GPT2, new Defaults(50_257, 768, 3072, 12, 12, 1024, 1e-5)),
    GPT_NEOX(
            "gpt_neox",
            "GPTNeoXForCausalLM",
            Architecture.GPT_NEOX,
            new Defaults(50_432, 6144, 24_576, 44, 64, 2048, 1e-5));

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

    Family(String modelType, String transformersClass, Architecture architecture, Defaults defaults) {
        this.modelType = modelType;
        this.transformersClass = transformersClass;
        this.architecture = architecture;
        this.defaults = defaults;
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
