package dev.lyne.lm.model;

import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads what `config.json` says of GPT-2 and GPT-NeoX models, with the defaults that `transformers` has for them. */
final class GptReader {
    private static final double NO_ROPE_THETA = 10_000;

    /** Names of `transformers` with ours: each is one of two functions, up to rounding. */
    private static final Map<String, String> ACTIVATIONS = Map.of(
            "gelu", "gelu",
            "gelu_python", "gelu",
            "gelu_new", "gelu_new",
            "gelu_pytorch_tanh", "gelu_new",
            "gelu_python_tanh", "gelu_new",
            "gelu_fast", "gelu_new",
            "gelu_accurate", "gelu_new");

    private final ConfigurationFields fields;
    private final ConfigurationReader shared;

    GptReader(ConfigurationFields fields, ConfigurationReader shared) {
        this.fields = fields;
        this.shared = shared;
    }

    ModelConfiguration gpt2() {
        Family.Sizes sizes = Family.GPT2.defaults();
        int width = either("n_embd", "hidden_size", sizes.hidden());
        int heads = either("n_head", "num_attention_heads", sizes.heads());
        return configuration(
                Family.GPT2,
                either("n_positions", "max_position_embeddings", sizes.contextLength()),
                width,
                fields.optionalInteger("n_inner").orElse(4 * width),
                either("n_layer", "num_hidden_layers", sizes.layers()),
                heads,
                headSize("n_embd", width, "n_head", heads),
                "layer_norm_epsilon",
                new RopeReader.Rope(NO_ROPE_THETA, new RopeScaling.Default(), 0),
                fields.bool("tie_word_embeddings", true),
                true,
                activation("activation_function", "gelu_new"),
                false);
    }

    ModelConfiguration neoX() {
        Family.Sizes sizes = Family.GPT_NEOX.defaults();
        int width = fields.integer("hidden_size", sizes.hidden());
        int heads = fields.integer("num_attention_heads", sizes.heads());
        int contextLength = fields.integer("max_position_embeddings", sizes.contextLength());
        int layers = fields.integer("num_hidden_layers", sizes.layers());
        int headSize = headSize("hidden_size", width, "num_attention_heads", heads);
        RopeReader.Rope rope = rope(contextLength, headSize);
        requireHeadSize(contextLength, headSize, rope);
        return configuration(
                Family.GPT_NEOX,
                contextLength,
                width,
                fields.integer("intermediate_size", sizes.intermediate()),
                layers,
                heads,
                headSize,
                "layer_norm_eps",
                rope,
                fields.bool("tie_word_embeddings", false),
                fields.bool("attention_bias", true),
                activation("hidden_act", "gelu"),
                fields.bool("use_parallel_residual", true));
    }

    private RopeReader.Rope rope(int contextLength, int headSize) {
        Set<String> layerTypes = Set.copyOf(fields.optionalTexts("layer_types").orElse(List.of()));
        return new RopeReader(fields, Family.GPT_NEOX, contextLength, headSize, layerTypes).read();
    }

    /** The reference takes `head_dim`, where it stands, for the number of turning dimensions, and for nothing else. */
    private void requireHeadSize(int contextLength, int headSize, RopeReader.Rope rope) {
        int declared = fields.optionalInteger("head_dim").orElse(headSize);
        if (declared < 1
                || (declared != headSize && rope(contextLength, declared).rotarySize() != rope.rotarySize())) {
            throw fields.refuse("head_dim", headSize + ", which is hidden_size / num_attention_heads, or absent");
        }
        fields.ignore("head_dim");
    }

    /** A size that has two names: the family's own, and the one that others have for it. */
    private int either(String key, String other, int absent) {
        int value = fields.integer(key, absent);
        int named = fields.integer(other, value);
        if (fields.mentions(key) && named != value) {
            throw fields.disagree(key, fields, other);
        }
        return named;
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
            RopeReader.Rope rope,
            boolean tied,
            boolean attentionBias,
            String activation,
            boolean parallelResidual) {
        shared.requireSameLayers();
        return new ModelConfiguration(
                family.modelType(),
                fields.integer("vocab_size", family.defaults().vocabulary()),
                contextLength,
                width,
                inner,
                layers,
                heads,
                heads,
                headSize,
                fields.number(epsilonKey, family.defaults().normEpsilon()),
                rope.theta(),
                rope.scaling(),
                tied,
                attentionBias,
                attentionBias,
                true,
                false,
                shared.unwindowed(layers),
                rope.rotarySize(),
                activation,
                parallelResidual,
                OutputLayer.PLAIN,
                shared.storedType(),
                shared.bosId(),
                shared.eosIds());
    }

    private int headSize(String widthKey, int width, String headsKey, int heads) {
        if (heads < 1 || width % heads != 0) {
            throw fields.refuse(widthKey, "a multiple of " + headsKey + "=" + heads);
        }
        return width / heads;
    }

    private String activation(String key, String absent) {
        String expectation = "gelu, gelu_new, or another name of one of the two";
        String name = ACTIVATIONS.get(fields.text(key, expectation, absent));
        if (name == null) {
            throw fields.refuse(key, expectation);
        }
        return name;
    }
}
