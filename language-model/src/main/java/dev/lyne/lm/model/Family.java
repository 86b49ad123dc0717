package dev.lyne.lm.model;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** A `model_type` that is understood, with the class of `transformers` that carries it. */
enum Family {
    LLAMA("llama", "LlamaForCausalLM", Architecture.LLAMA),
    MISTRAL("mistral", "MistralForCausalLM", Architecture.LLAMA),
    QWEN2("qwen2", "Qwen2ForCausalLM", Architecture.LLAMA),
    QWEN3("qwen3", "Qwen3ForCausalLM", Architecture.LLAMA),
    GPT2("gpt2", "GPT2LMHeadModel", Architecture.GPT2),
    GPT_NEOX("gpt_neox", "GPTNeoXForCausalLM", Architecture.GPT_NEOX);

    /** Names of all, for people. */
    static final String NAMES = names();

    private final String modelType;
    private final String transformersClass;
    private final Architecture architecture;

    Family(String modelType, String transformersClass, Architecture architecture) {
        this.modelType = modelType;
        this.transformersClass = transformersClass;
        this.architecture = architecture;
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
