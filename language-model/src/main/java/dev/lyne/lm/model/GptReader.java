package dev.lyne.lm.model;

import dev.lyne.lm.model.ModelConfiguration.Attention;
import dev.lyne.lm.model.ModelConfiguration.FeedForward;
import dev.lyne.lm.model.ModelConfiguration.Norms;
import dev.lyne.lm.model.ModelConfiguration.Rotation;
import dev.lyne.lm.model.ModelConfiguration.Sizes;
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
        Family.Defaults defaults = Family.GPT2.defaults();
        int width = either("n_embd", "hidden_size", defaults.hidden());
        int heads = either("n_head", "num_attention_heads", defaults.heads());
        int contextLength = either("n_positions", "max_position_embeddings", defaults.contextLength());
        int feedForwardSize = fields.optionalInteger("n_inner").orElse(4 * width);
        int layers = either("n_layer", "num_hidden_layers", defaults.layers());
        int headSize = headSize("n_embd", width, "n_head", heads);
        boolean tied = fields.bool("tie_word_embeddings", true);
        String activation = activation("activation_function", "gelu_new");
        shared.requireSameLayers();
        int vocabularySize = fields.integer("vocab_size", defaults.vocabulary());
        Norms norms = norms(Family.GPT2);
        return new ModelConfiguration(
                Family.GPT2.modelType(),
                new Sizes(vocabularySize, contextLength, width, layers),
                attention(heads, headSize, true, layers),
                new Rotation(0, NO_ROPE_THETA, new RopeScaling.Default()),
                new FeedForward(feedForwardSize, activation, true, false),
                norms,
                tied,
                OutputLayer.PLAIN,
                shared.storedType(),
                shared.boundaries());
    }

    ModelConfiguration neoX() {
        Family.Defaults defaults = Family.GPT_NEOX.defaults();
        int width = fields.integer("hidden_size", defaults.hidden());
        int heads = fields.integer("num_attention_heads", defaults.heads());
        int contextLength = fields.integer("max_position_embeddings", defaults.contextLength());
        int layers = fields.integer("num_hidden_layers", defaults.layers());
        int headSize = headSize("hidden_size", width, "num_attention_heads", heads);
        Rotation rotation = rotation(contextLength, headSize);
        requireHeadSize(contextLength, headSize, rotation);
        int feedForwardSize = fields.integer("intermediate_size", defaults.intermediate());
        boolean tied = fields.bool("tie_word_embeddings", false);
        boolean bias = fields.bool("attention_bias", true);
        String activation = activation("hidden_act", "gelu");
        boolean parallel = fields.bool("use_parallel_residual", true);
        shared.requireSameLayers();
        int vocabularySize = fields.integer("vocab_size", defaults.vocabulary());
        Norms norms = norms(Family.GPT_NEOX);
        return new ModelConfiguration(
                Family.GPT_NEOX.modelType(),
                new Sizes(vocabularySize, contextLength, width, layers),
                attention(heads, headSize, bias, layers),
                rotation,
                new FeedForward(feedForwardSize, activation, true, parallel),
                norms,
                tied,
                OutputLayer.PLAIN,
                shared.storedType(),
                shared.boundaries());
    }

    private Attention attention(int heads, int headSize, boolean bias, int layers) {
        return new Attention(heads, heads, headSize, bias, bias, shared.unwindowed(layers));
    }

    private Norms norms(Family family) {
        return new Norms(
                fields.number(family.key("rms_norm_eps"), family.defaults().normEpsilon()), false);
    }

    private Rotation rotation(int contextLength, int headSize) {
        Set<String> layerTypes = Set.copyOf(fields.optionalTexts("layer_types").orElse(List.of()));
        return new RopeReader(fields, Family.GPT_NEOX, contextLength, headSize, layerTypes).read();
    }

    /** The reference takes `head_dim`, where it stands, for the number of turning dimensions, and for nothing else. */
    private void requireHeadSize(int contextLength, int headSize, Rotation rotation) {
        int declared = fields.optionalInteger("head_dim").orElse(headSize);
        if (declared < 1
                || (declared != headSize && rotation(contextLength, declared).size() != rotation.size())) {
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
