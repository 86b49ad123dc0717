package dev.lyne.lm.scoring;

import dev.lyne.lm.model.GptShapes;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.OutputLayer;
import dev.lyne.lm.model.RopeScaling;
import dev.lyne.lm.weights.SafetensorsModel;
import dev.lyne.lm.weights.SafetensorsWriter;
import dev.lyne.lm.weights.StoredType;
import dev.lyne.lm.weights.TensorEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;

/** Tiny models of every variant with random float32 weights, as directories and as arrays. */
final class RandomModel {
    static final int VOCABULARY = 61;

    private RandomModel() {}

    static Map<String, ModelConfiguration> variants() {
        RopeScaling plain = new RopeScaling.Default();
        OptionalDouble none = OptionalDouble.empty();
        Map<String, ModelConfiguration> all = new LinkedHashMap<>();
        all.put("llama, tied", of("llama", attention(4, 4, 8, 0b00), true, false, plain));
        all.put("llama, grouped, all biases", of("llama", attention(4, 2, 8, 0b11), false, true, plain));
        all.put("mistral, window", of("mistral", attention(4, 1, 8, 0b00, 5, 5), false, false, plain));
        all.put("qwen2, biases, one window", of("qwen2", attention(4, 2, 8, 0b01, 0, 4), true, false, plain));
        all.put("qwen3, norms, wide heads", of("qwen3", attention(4, 2, 12, 0b00), true, false, plain));
        ModelConfiguration.Attention two = attention(2, 2, 16, 0b00);
        all.put("linear", of("llama", two, false, false, new RopeScaling.Linear(4)));
        all.put("llama3", of("llama", two, false, false, new RopeScaling.Llama3(8, 1, 4, 64)));
        all.put("yarn", of("llama", two, false, false, new RopeScaling.Yarn(4, none, none, none, 32, 1, 64, true)));
        all.putAll(GptShapes.all(VOCABULARY, 1024));
        return all;
    }

    /** @param biases bits: of queries, keys and values; of the output */
    private static ModelConfiguration.Attention attention(
            int heads, int keyValueHeads, int headSize, int biases, Integer... windows) {
        return new ModelConfiguration.Attention(
                heads,
                keyValueHeads,
                headSize,
                (biases & 1) != 0,
                (biases & 2) != 0,
                windows.length == 0 ? List.of(0, 0) : List.of(windows));
    }

    private static ModelConfiguration of(
            String type,
            ModelConfiguration.Attention attention,
            boolean tied,
            boolean feedForwardBias,
            RopeScaling scaling) {
        return new ModelConfiguration(
                type,
                new ModelConfiguration.Sizes(VOCABULARY, 1024, 32, 2),
                attention,
                new ModelConfiguration.Rotation(attention.headSize(), 10_000, scaling),
                new ModelConfiguration.FeedForward(48, "silu", feedForwardBias, false),
                new ModelConfiguration.Norms(1e-5, type.equals("qwen3")),
                tied,
                OutputLayer.PLAIN,
                "float32",
                ModelConfiguration.Boundaries.NONE);
    }

    /** Weights that make rows of some contrast; each value is exact in float32. */
    static Map<String, double[]> weights(ModelConfiguration shape, long seed) {
        Random random = new Random(seed);
        Map<String, double[]> weights = new LinkedHashMap<>();
        shape.expectedTensors().forEach((name, extents) -> {
            double[] values = new double[(int) new TensorEntry(name, StoredType.F32, extents).elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float)
                        (name.endsWith(".weight") && extents.length == 1
                                ? 1 + 0.2 * random.nextGaussian()
                                : 0.25 * random.nextGaussian());
            }
            weights.put(name, values);
        });
        return weights;
    }

    static Path write(Path directory, ModelConfiguration shape, Map<String, double[]> weights) throws IOException {
        List<TensorEntry> entries = new ArrayList<>();
        shape.expectedTensors().forEach((name, extents) -> entries.add(new TensorEntry(name, StoredType.F32, extents)));
        Path file = directory.resolve(SafetensorsModel.SINGLE_FILE);
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries, Map.of())) {
            for (Map.Entry<String, double[]> weight : weights.entrySet()) {
                ByteBuffer bytes =
                        ByteBuffer.allocate(weight.getValue().length * 4).order(ByteOrder.LITTLE_ENDIAN);
                for (double value : weight.getValue()) {
                    bytes.putFloat((float) value);
                }
                writer.write(weight.getKey(), bytes.flip());
            }
            writer.commit();
        }
        shape.write(directory);
        return directory;
    }

    static int[] tokens(Random random, int length) {
        return random.ints(length, 0, VOCABULARY).toArray();
    }
}
