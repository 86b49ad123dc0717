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
import java.util.OptionalInt;

/** Shapes of a few thousand numbers, one a feature that tells the families apart. */
final class TinyModels {
    static final int VOCABULARY = 23;

    private TinyModels() {}

    static Map<String, ModelConfiguration> all() {
        Map<String, ModelConfiguration> models = new LinkedHashMap<>();
        models.put("llama tied", llama(true));
        models.put("llama untied", llama(false));
        models.put("llama grouped, all biases", of("llama", 4, 2, 4, true, true, true, false, List.of(0, 0), false));
        models.put("mistral window", of("mistral", 4, 2, 4, false, false, false, false, List.of(3, 3), false));
        models.put("qwen2 biases, mixed windows", of("qwen2", 4, 1, 4, true, false, false, false, List.of(0, 4), true));
        models.put("qwen3 norms, wide heads", of("qwen3", 2, 1, 10, false, false, false, true, List.of(0, 0), true));
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
        return of("llama", 4, 4, 4, false, false, false, false, List.of(0, 0), false, output);
    }

    static ModelConfiguration llama(boolean tied) {
        return ModelConfiguration.llama(16, 2, 4, 4, 24, VOCABULARY, 64, 10_000, tied);
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

    static ModelConfiguration of(
            String type,
            int heads,
            int keyValueHeads,
            int headSize,
            boolean attentionBias,
            boolean outputBias,
            boolean mlpBias,
            boolean norms,
            List<Integer> windows,
            boolean tied) {
        return of(
                type,
                heads,
                keyValueHeads,
                headSize,
                attentionBias,
                outputBias,
                mlpBias,
                norms,
                windows,
                tied,
                OutputLayer.PLAIN);
    }

    private static ModelConfiguration of(
            String type,
            int heads,
            int keyValueHeads,
            int headSize,
            boolean attentionBias,
            boolean outputBias,
            boolean mlpBias,
            boolean norms,
            List<Integer> windows,
            boolean tied,
            OutputLayer output) {
        return new ModelConfiguration(
                type,
                VOCABULARY,
                64,
                16,
                24,
                windows.size(),
                heads,
                keyValueHeads,
                headSize,
                1e-5,
                10_000,
                new RopeScaling.Default(),
                tied,
                attentionBias,
                outputBias,
                mlpBias,
                norms,
                windows,
                headSize,
                "silu",
                false,
                output,
                "float32",
                OptionalInt.empty(),
                List.of());
    }
}
