package dev.lyne.lm.model;

import java.util.Collections;
import java.util.Map;

/** Reads what `config.json` says of GPT-2 and GPT-NeoX models, with the defaults that `transformers` has for them. */
final class GptReader {
    private static final double DEFAULT_EPSILON = 1e-5;
    private static final double DEFAULT_ROPE_THETA = 10_000;
    private static final double DEFAULT_ROTARY_SHARE = 0.25;

    /** Names of `transformers` with ours: three of them are one function, up to rounding. */
    private static final Map<String, String> ACTIVATIONS = Map.of(
            "gelu", "gelu",
            "gelu_new", "gelu_new",
            "gelu_pytorch_tanh", "gelu_new",
            "gelu_fast", "gelu_new");

    private final ConfigurationFields fields;
    private final String storedType;

    GptReader(ConfigurationFields fields, String storedType) {
        this.fields = fields;
        this.storedType = storedType;
    }

    ModelConfiguration gpt2() {
        if (!fields.optionalBoolean("scale_attn_weights").orElse(true)) {
            throw fields.refuse("scale_attn_weights", "true, or absent: not supported");
        }
        int width = fields.integer("n_embd");
        int heads = fields.integer("n_head");
        return configuration(
                Family.GPT2,
                fields.integer("n_positions"),
                width,
                fields.optionalInteger("n_inner").orElse(4 * width),
                fields.integer("n_layer"),
                heads,
                headSize("n_embd", width, "n_head", heads),
                "layer_norm_epsilon",
                new RopeReader(DEFAULT_ROPE_THETA, new RopeScaling.Default(), 0),
                fields.optionalBoolean("tie_word_embeddings").orElse(true),
                true,
                activation("activation_function", "gelu_new"),
                false);
    }

    ModelConfiguration neoX() {
        int width = fields.integer("hidden_size");
        int heads = fields.integer("num_attention_heads");
        int contextLength = fields.integer("max_position_embeddings");
        double theta = fields.optionalNumber("rotary_emb_base").orElse(DEFAULT_ROPE_THETA);
        double share = fields.optionalNumber("rotary_pct").orElse(DEFAULT_ROTARY_SHARE);
        return configuration(
                Family.GPT_NEOX,
                contextLength,
                width,
                fields.integer("intermediate_size"),
                fields.integer("num_hidden_layers"),
                heads,
                headSize("hidden_size", width, "num_attention_heads", heads),
                "layer_norm_eps",
                RopeReader.read(fields, contextLength, theta, share),
                fields.optionalBoolean("tie_word_embeddings").orElse(false),
                fields.optionalBoolean("attention_bias").orElse(true),
                activation("hidden_act", "gelu"),
                fields.optionalBoolean("use_parallel_residual").orElse(true));
    }

    private ModelConfiguration configuration(
            Family family,
            int contextLength,
            int width,
            int inner,
            int layers,
            int heads,
            int headSize,
            String epsilonKey,
            RopeReader rope,
            boolean tied,
            boolean attentionBias,
            String activation,
            boolean parallelResidual) {
        return new ModelConfiguration(
                family.modelType(),
                fields.integer("vocab_size"),
                contextLength,
                width,
                inner,
                layers,
                heads,
                heads,
                headSize,
                fields.optionalNumber(epsilonKey).orElse(DEFAULT_EPSILON),
                rope.theta(),
                rope.scaling(),
                tied,
                attentionBias,
                attentionBias,
                true,
                false,
                Collections.nCopies(Math.max(layers, 0), 0),
                (int) (headSize * rope.share()),
                activation,
                parallelResidual,
                OutputLayer.PLAIN,
                storedType,
                fields.optionalInteger("bos_token_id"),
                fields.integers("eos_token_id"));
    }

    private int headSize(String widthKey, int width, String headsKey, int heads) {
        if (heads < 1 || width % heads != 0) {
            throw fields.refuse(widthKey, "a multiple of " + headsKey + "=" + heads);
        }
        return width / heads;
    }

    private String activation(String key, String absent) {
        String expectation = "gelu, gelu_new, gelu_pytorch_tanh or gelu_fast";
        String name = ACTIVATIONS.get(fields.optionalText(key, expectation).orElse(absent));
        if (name == null) {
            throw fields.refuse(key, expectation);
        }
        return name;
    }
}
