package dev.lyne.lm.engine;

import dev.lyne.lm.model.ModelConfiguration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Constants that the scripts read from {@code self}. */
public final class ModelConstants {
    private ModelConstants() {}

    /**
     * Constants of a model's shape.
     *
     * @param computeType PyTorch's number of the type of matrix products
     * @param statisticsType PyTorch's number of the type of norms, softmax statistics and logits
     * @param vocabularySize ids that the distribution is over; columns of the output matrix past it do not exist for the scripts
     * @param rowChunk rows of logits that exist at a time
     */
    public static Map<String, Object> of(
            ModelConfiguration configuration, int computeType, int statisticsType, int vocabularySize, int rowChunk) {
        if (rowChunk < 1) {
            throw new IllegalArgumentException("row_chunk: " + rowChunk + " (expected: at least 1)");
        }
        if (vocabularySize < 1 || vocabularySize > configuration.sizes().vocabulary()) {
            throw new IllegalArgumentException("tokenizer's vocabulary: " + vocabularySize
                    + " (expected: 1..vocab_size=" + configuration.sizes().vocabulary() + ")");
        }
        Map<String, Object> constants = new LinkedHashMap<>();
        constants.put("heads", (long) configuration.attention().heads());
        constants.put("key_value_heads", (long) configuration.attention().keyValueHeads());
        constants.put("head_size", (long) configuration.attention().headSize());
        constants.put("rotary_size", (long) configuration.rotation().size());
        constants.put("norm_epsilon", configuration.norms().epsilon());
        constants.put("tanh_gelu", configuration.feedForward().activation().equals("gelu_new") ? 1L : 0L);
        constants.put("parallel_residual", configuration.feedForward().parallel() ? 1L : 0L);
        constants.put("logit_scale", configuration.output().scale());
        constants.put("logit_softcap", configuration.output().softcap());
        constants.put("windows", windows(configuration));
        constants.put("compute_type", (long) computeType);
        constants.put("statistics_type", (long) statisticsType);
        constants.put("vocabulary_size", (long) vocabularySize);
        constants.put("row_chunk", (long) rowChunk);
        return constants;
    }

    private static List<Long> windows(ModelConfiguration configuration) {
        return configuration.attention().slidingWindows().stream()
                .map(Integer::longValue)
                .toList();
    }
}
