package dev.lyne.lm.model;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** GPT-2 and GPT-NeoX shapes of a few thousand numbers, one a feature, for tests. */
public final class GptShapes {
    private GptShapes() {}

    /** By name; 2 layers, 4 heads of 8. */
    public static Map<String, ModelConfiguration> all(int vocabularySize, int contextLength) {
        Map<String, ModelConfiguration> all = new LinkedHashMap<>();
        var small = new ModelConfiguration.Sizes(vocabularySize, contextLength, 32, 2);
        all.put("gpt2, tied", of("gpt2", small, true, true, 0, feedForward("gelu_new", false)));
        all.put("gpt2, untied, exact gelu", of("gpt2", small, false, true, 0, feedForward("gelu", false)));
        all.put("gpt_neox, a quarter rotary", of("gpt_neox", small, false, true, 2, feedForward("gelu", true)));
        all.put("gpt_neox, one after the other", of("gpt_neox", small, true, false, 8, feedForward("gelu_new", false)));
        return all;
    }

    private static ModelConfiguration.FeedForward feedForward(String activation, boolean parallel) {
        return new ModelConfiguration.FeedForward(48, activation, true, parallel);
    }

    private static ModelConfiguration of(
            String type,
            ModelConfiguration.Sizes sizes,
            boolean tied,
            boolean biases,
            int rotarySize,
            ModelConfiguration.FeedForward feedForward) {
        return new ModelConfiguration(
                type,
                sizes,
                new ModelConfiguration.Attention(4, 4, 8, biases, biases, Collections.nCopies(2, 0)),
                new ModelConfiguration.Rotation(rotarySize, 10_000, new RopeScaling.Default()),
                feedForward,
                new ModelConfiguration.Norms(1e-5, false),
                tied,
                OutputLayer.PLAIN,
                "float32",
                ModelConfiguration.Boundaries.NONE);
    }
}
