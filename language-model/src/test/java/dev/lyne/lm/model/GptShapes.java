package dev.lyne.lm.model;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** GPT-2 and GPT-NeoX shapes of a few thousand numbers, one a feature, for tests. */
public final class GptShapes {
    private GptShapes() {}

    /** By name; 2 layers, 4 heads of 8. */
    public static Map<String, ModelConfiguration> all(int vocabularySize, int contextLength) {
        Map<String, ModelConfiguration> all = new LinkedHashMap<>();
        all.put("gpt2, tied", gpt2(vocabularySize, contextLength, true, "gelu_new"));
        all.put("gpt2, untied, exact gelu", gpt2(vocabularySize, contextLength, false, "gelu"));
        all.put("gpt_neox, a quarter rotary", neoX(vocabularySize, contextLength, 2, true, true, false, "gelu"));
        all.put(
                "gpt_neox, one after the other",
                neoX(vocabularySize, contextLength, 8, false, false, true, "gelu_new"));
        return all;
    }

    private static ModelConfiguration gpt2(int vocabularySize, int contextLength, boolean tied, String activation) {
        return of("gpt2", vocabularySize, contextLength, tied, true, 0, activation, false);
    }

    private static ModelConfiguration neoX(
            int vocabularySize,
            int contextLength,
            int rotarySize,
            boolean parallel,
            boolean biases,
            boolean tied,
            String activation) {
        return of("gpt_neox", vocabularySize, contextLength, tied, biases, rotarySize, activation, parallel);
    }

    private static ModelConfiguration of(
            String type,
            int vocabularySize,
            int contextLength,
            boolean tied,
            boolean biases,
            int rotarySize,
            String activation,
            boolean parallel) {
        return new ModelConfiguration(
                type,
                vocabularySize,
                contextLength,
                32,
                48,
                2,
                4,
                4,
                8,
                1e-5,
                10_000,
                new RopeScaling.Default(),
                tied,
                biases,
                biases,
                true,
                false,
                Collections.nCopies(2, 0),
                rotarySize,
                activation,
                parallel,
                OutputLayer.PLAIN,
                "float32",
                OptionalInt.empty(),
                List.of());
    }
}
