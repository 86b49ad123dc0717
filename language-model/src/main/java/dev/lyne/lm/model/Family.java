package dev.lyne.lm.model;

/** A `model_type` that is understood, with the class of `transformers` that carries it. */
enum Family {
    LLAMA("llama", "LlamaForCausalLM"),
    MISTRAL("mistral", "MistralForCausalLM"),
    QWEN2("qwen2", "Qwen2ForCausalLM"),
    QWEN3("qwen3", "Qwen3ForCausalLM");

    private final String modelType;
    private final String architecture;

    Family(String modelType, String architecture) {
        this.modelType = modelType;
        this.architecture = architecture;
    }

    String modelType() {
        return modelType;
    }

    String architecture() {
        return architecture;
    }

    static Family of(String modelType) {
        for (Family family : values()) {
            if (family.modelType.equals(modelType)) {
                return family;
            }
        }
        throw new IllegalArgumentException("model_type: " + modelType + " (expected: llama, mistral, qwen2 or qwen3)");
    }
}
