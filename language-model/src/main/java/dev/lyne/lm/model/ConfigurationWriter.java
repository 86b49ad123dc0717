package dev.lyne.lm.model;

import dev.lyne.files.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Writes configurations: for `transformers`, and in the canonical form that digests cover. */
final class ConfigurationWriter {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private ConfigurationWriter() {}

    static void write(ModelConfiguration c, Path file) throws IOException {
        Family family = Family.of(c.modelType());
        requireExpressible(c, family);
        ObjectNode root = JSON.createObjectNode();
        root.putArray("architectures").add(family.transformersClass());
        root.put("model_type", c.modelType());
        root.put("vocab_size", c.sizes().vocabulary());
        switch (family.architecture()) {
            case LLAMA -> putLlama(root, c);
            case GPT2 -> putGpt2(root, c);
            case GPT_NEOX -> putNeoX(root, c);
        }
        root.put("tie_word_embeddings", c.tiedEmbeddings());
        putFamilyKeys(root, c, family);
        if (!c.storedType().equals(ModelConfiguration.TENSORS_OWN_TYPE)) {
            root.put("torch_dtype", c.storedType());
        }
        root.put("initializer_range", 0.02);
        root.put("use_cache", true);
        if (c.boundaries().bos().isPresent()) {
            root.put("bos_token_id", c.boundaries().bos().getAsInt());
        } else {
            root.putNull("bos_token_id");
        }
        if (c.boundaries().eos().isEmpty()) {
            root.putNull("eos_token_id");
        } else if (c.boundaries().eos().size() == 1) {
            root.put("eos_token_id", c.boundaries().eos().get(0));
        } else {
            c.boundaries().eos().forEach(root.putArray("eos_token_id")::add);
        }
        root.putNull("pad_token_id");
        String text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
        AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    private static void putSizes(ObjectNode root, ModelConfiguration c) {
        root.put("max_position_embeddings", c.sizes().contextLength());
        root.put("hidden_size", c.sizes().hidden());
        root.put("intermediate_size", c.feedForward().size());
        root.put("num_hidden_layers", c.sizes().layers());
        root.put("num_attention_heads", c.attention().heads());
    }

    private static void putLlama(ObjectNode root, ModelConfiguration c) {
        putSizes(root, c);
        root.put("num_key_value_heads", c.attention().keyValueHeads());
        root.put("head_dim", c.attention().headSize());
        root.put("hidden_act", "silu");
        root.put("rms_norm_eps", c.norms().epsilon());
        root.put("rope_theta", c.rotation().theta());
        if (c.rotation().scaling() instanceof RopeScaling.Default) {
            root.putNull("rope_scaling");
        } else {
            root.set("rope_scaling", rope(c.rotation().scaling()));
        }
        root.put("attention_dropout", 0.0);
    }

    private static void putGpt2(ObjectNode root, ModelConfiguration c) {
        root.put("n_positions", c.sizes().contextLength());
        root.put("n_embd", c.sizes().hidden());
        root.put("n_inner", c.feedForward().size());
        root.put("n_layer", c.sizes().layers());
        root.put("n_head", c.attention().heads());
        root.put("activation_function", c.feedForward().activation());
        root.put("layer_norm_epsilon", c.norms().epsilon());
        root.put("attn_pdrop", 0.0);
        root.put("embd_pdrop", 0.0);
        root.put("resid_pdrop", 0.0);
    }

    private static void putNeoX(ObjectNode root, ModelConfiguration c) {
        putSizes(root, c);
        root.put("hidden_act", c.feedForward().activation());
        root.put("layer_norm_eps", c.norms().epsilon());
        root.put("use_parallel_residual", c.feedForward().parallel());
        root.put("attention_bias", c.attention().bias());
        double share = (double) c.rotation().size() / c.attention().headSize();
        if ((int) (c.attention().headSize() * share) < c.rotation().size()) {
            share = Math.nextUp(share); // readers cut the product off
        }
        root.put("rotary_pct", share);
        root.put("rotary_emb_base", c.rotation().theta());
        ObjectNode rope = rope(c.rotation().scaling());
        rope.put("rope_theta", c.rotation().theta());
        rope.put("partial_rotary_factor", share);
        root.set("rope_parameters", rope);
        root.put("attention_dropout", 0.0);
        root.put("hidden_dropout", 0.0);
    }

    static String canonicalArithmetic(ModelConfiguration c) {
        ObjectNode root = JSON.createObjectNode();
        root.put("vocabulary_size", c.sizes().vocabulary());
        root.put("hidden_size", c.sizes().hidden());
        root.put("intermediate_size", c.feedForward().size());
        root.put("layers", c.sizes().layers());
        root.put("heads", c.attention().heads());
        root.put("key_value_heads", c.attention().keyValueHeads());
        root.put("head_size", c.attention().headSize());
        root.put("rms_norm_epsilon", c.norms().epsilon());
        root.put("rope_theta", c.rotation().theta());
        root.set("rope_scaling", rope(c.rotation().scaling()));
        root.put("tied_embeddings", c.tiedEmbeddings());
        root.put("attention_bias", c.attention().bias());
        root.put("output_bias", c.attention().outputBias());
        root.put("mlp_bias", c.feedForward().bias());
        root.put("query_key_norm", c.norms().queryKey());
        c.attention().slidingWindows().forEach(root.putArray("sliding_windows")::add);
        if (c.architecture() != Architecture.LLAMA) {
            root.put("architecture", c.architecture().name());
            root.put("rotary_size", c.rotation().size());
            root.put("activation", c.feedForward().activation());
            root.put("parallel_residual", c.feedForward().parallel());
        }
        if (!c.output().equals(OutputLayer.PLAIN)) {
            root.put("output_bias_of_logits", c.output().bias());
            root.put("logit_scale", c.output().scale());
            root.put("logit_softcap", c.output().softcap());
        }
        return JSON.writeValueAsString(root);
    }

    private static void putFamilyKeys(ObjectNode root, ModelConfiguration c, Family family) {
        if (family.architecture() != Architecture.LLAMA) {
            return;
        }
        if (family.traits().attention() == Family.Biases.CHOSEN) {
            root.put("attention_bias", c.attention().bias());
        }
        if (family.traits().feedForward() == Family.Biases.CHOSEN) {
            root.put("mlp_bias", c.feedForward().bias());
        }
        switch (family.traits().windows()) {
            case NONE -> {}
            case ON_ALL_LAYERS -> putWindow(root, c.attention().slidingWindows().get(0));
            case BY_LAYER -> putLayeredWindows(root, c);
        }
    }

    private static void putWindow(ObjectNode root, int window) {
        if (window > 0) {
            root.put("sliding_window", window);
        } else {
            root.putNull("sliding_window");
        }
    }

    private static void putLayeredWindows(ObjectNode root, ModelConfiguration c) {
        int window = c.attention().slidingWindows().stream()
                .mapToInt(Integer::intValue)
                .max()
                .orElse(0);
        root.put("use_sliding_window", window > 0);
        putWindow(root, window);
        int first = 0;
        while (first < c.sizes().layers() && c.attention().slidingWindows().get(first) == 0) {
            first++;
        }
        root.put("max_window_layers", first);
        ArrayNode types = root.putArray("layer_types");
        c.attention().slidingWindows().forEach(size -> types.add(size == 0 ? "full_attention" : "sliding_attention"));
    }

    private static ObjectNode rope(RopeScaling scaling) {
        ObjectNode block = JSON.createObjectNode();
        block.put("rope_type", scaling.getClass().getSimpleName().toLowerCase(Locale.ROOT));
        if (scaling instanceof RopeScaling.Linear linear) {
            block.put("factor", linear.factor());
        } else if (scaling instanceof RopeScaling.Llama3 llama) {
            block.put("factor", llama.factor());
            block.put("low_freq_factor", llama.lowFrequencyFactor());
            block.put("high_freq_factor", llama.highFrequencyFactor());
            block.put("original_max_position_embeddings", llama.originalContext());
        } else if (scaling instanceof RopeScaling.Yarn yarn) {
            block.put("factor", yarn.factor());
            yarn.attentionFactor().ifPresent(value -> block.put("attention_factor", value));
            yarn.mscale().ifPresent(value -> block.put("mscale", value));
            yarn.mscaleAllDimensions().ifPresent(value -> block.put("mscale_all_dim", value));
            block.put("beta_fast", yarn.betaFast());
            block.put("beta_slow", yarn.betaSlow());
            block.put("original_max_position_embeddings", yarn.originalContext());
            block.put("truncate", yarn.truncate());
        }
        return block;
    }

    /** A combination that the family's class in `transformers` would read as another model is not written. */
    private static void requireExpressible(ModelConfiguration c, Family family) {
        Family.Traits traits = family.traits();
        ModelConfiguration.Attention attention = c.attention();
        ModelConfiguration.FeedForward feedForward = c.feedForward();
        require(c, "queryKeyNorm", c.norms().queryKey(), c.norms().queryKey() == traits.queryKeyNorms());
        boolean gpt = family.architecture() != Architecture.LLAMA;
        require(c, "mlpBias", feedForward.bias(), biases(traits.feedForward(), feedForward.bias(), feedForward.bias()));
        require(c, "keyValueHeads", attention.keyValueHeads(), !gpt || attention.keyValueHeads() == attention.heads());
        require(
                c,
                "headSize",
                attention.headSize(),
                !gpt || attention.headSize() * attention.heads() == c.sizes().hidden());
        require(
                c,
                "activation",
                feedForward.activation(),
                gpt != feedForward.activation().equals("silu"));
        require(c, "parallelResidual", feedForward.parallel(), !feedForward.parallel() || family == Family.GPT_NEOX);
        int rotary = family == Family.GPT2 ? 0 : attention.headSize();
        require(
                c,
                "rotarySize",
                c.rotation().size(),
                family == Family.GPT_NEOX || c.rotation().size() == rotary);
        require(c, "output", c.output(), c.output().equals(OutputLayer.PLAIN));
        require(
                c,
                "attentionBias, outputBias",
                attention.bias() + ", " + attention.outputBias(),
                biases(traits.attention(), attention.bias(), attention.outputBias()));
        List<Integer> windows = attention.slidingWindows().stream().distinct().toList();
        boolean expressible = switch (traits.windows()) {
            case NONE -> windows.equals(List.of(0));
            case ON_ALL_LAYERS -> windows.size() == 1;
            case BY_LAYER -> windows.stream().filter(window -> window > 0).count() <= 1;
        };
        require(c, "slidingWindows", attention.slidingWindows(), expressible);
    }

    /** Whether a family may have these. */
    private static boolean biases(Family.Biases possible, boolean ofInputs, boolean ofOutput) {
        return switch (possible) {
            case NONE -> !ofInputs && !ofOutput;
            case CHOSEN -> ofInputs == ofOutput;
            case OF_INPUTS -> ofInputs && !ofOutput;
            case ALL -> ofInputs && ofOutput;
        };
    }

    private static void require(ModelConfiguration c, String field, Object value, boolean expressible) {
        if (!expressible) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: what a config.json of model_type "
                    + c.modelType() + " can say)");
        }
    }
}
