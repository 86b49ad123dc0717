package dev.lyne.lm.training;

import dev.lyne.lm.model.GptShapes;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.OutputLayer;
import dev.lyne.lm.model.RopeScaling;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** Shapes of a few thousand numbers, one a feature that tells the families apart. */
final class TinyModels {
    static final int VOCABULARY = 23;

    private TinyModels() {}

    static Map<String, ModelConfiguration> all() {
        Map<String, ModelConfiguration> models = new LinkedHashMap<>();
        models.put("llama tied", llama(true));
        models.put("llama untied", llama(false));
        models.put(
                "llama grouped, all biases",
                of("llama", attention(4, 2, 4, true, true), true, false, OutputLayer.PLAIN));
        models.put(
                "mistral window",
                of("mistral", attention(4, 2, 4, false, false, 3, 3), false, false, OutputLayer.PLAIN));
        models.put(
                "qwen2 biases, mixed windows",
                of("qwen2", attention(4, 1, 4, true, false, 0, 4), false, true, OutputLayer.PLAIN));
        models.put(
                "qwen3 norms, wide heads",
                of("qwen3", attention(2, 1, 10, false, false), false, true, OutputLayer.PLAIN));
        models.putAll(GptShapes.all(VOCABULARY, 64));
        return models;
    }

    /** The output layers that there are, none of which a family that is understood can say in its config.json. */
    static Map<String, ModelConfiguration> withOutputLayers() {
        Map<String, ModelConfiguration> models = new LinkedHashMap<>();
        models.put("bias of the logits", llama(new OutputLayer(true, 1, 0)));
        models.put("scale of the logits", llama(new OutputLayer(false, 0.3, 0)));
        models.put("softcap of the logits", llama(new OutputLayer(false, 1, 2)));
        models.put("bias, scale and softcap of the logits", llama(new OutputLayer(true, 1.7, 1.5)));
        return models;
    }

    private static ModelConfiguration llama(OutputLayer output) {
        return of("llama", attention(4, 4, 4, false, false), false, false, output);
    }

    static ModelConfiguration llama(boolean tied) {
        return ModelConfiguration.llama(new ModelConfiguration.Sizes(VOCABULARY, 64, 16, 2), 4, 4, 24, 10_000, tied);
    }

    static List<RopeScaling> scalings() {
        List<RopeScaling> scalings = new ArrayList<>();
        scalings.add(new RopeScaling.Default());
        scalings.add(new RopeScaling.Linear(4));
        scalings.add(new RopeScaling.Llama3(8, 1, 4, 16));
        scalings.add(new RopeScaling.Yarn(
                4, OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty(), 32, 1, 16, true));
        return scalings;
    }

    private static ModelConfiguration.Attention attention(
            int heads, int keyValueHeads, int headSize, boolean bias, boolean outputBias, Integer... windows) {
        return new ModelConfiguration.Attention(
                heads,
                keyValueHeads,
                headSize,
                bias,
                outputBias,
                windows.length == 0 ? List.of(0, 0) : List.of(windows));
    }

    private static ModelConfiguration of(
            String type,
            ModelConfiguration.Attention attention,
            boolean feedForwardBias,
            boolean tied,
            OutputLayer output) {
        return new ModelConfiguration(
                type,
                new ModelConfiguration.Sizes(VOCABULARY, 64, 16, 2),
                attention,
                new ModelConfiguration.Rotation(attention.headSize(), 10_000, new RopeScaling.Default()),
                new ModelConfiguration.FeedForward(24, "silu", feedForwardBias, false),
                new ModelConfiguration.Norms(1e-5, type.equals("qwen3")),
                tied,
                output,
                "float32",
                ModelConfiguration.Boundaries.NONE);
    }
}
