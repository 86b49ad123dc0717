package dev.lyne.lm.model;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** A kind of transformer: what its tensors are called in `transformers`, their shapes, and the script of its forward. */
public enum Architecture {
    /** Llama, Mistral, Qwen2 and Qwen3: RMS norms, rotary positions, a gated feed-forward. */
    LLAMA("model.", "\\.(o_proj|down_proj)\\.weight$") {
        @Override
        Map<String, long[]> tensors(ModelConfiguration c) {
            Map<String, long[]> tensors = new LinkedHashMap<>();
            ModelConfiguration.Attention attention = c.attention();
            ModelConfiguration.FeedForward feedForward = c.feedForward();
            long width = c.sizes().hidden();
            long queries = (long) attention.heads() * attention.headSize();
            long keys = (long) attention.keyValueHeads() * attention.headSize();
            put(tensors, "model.embed_tokens.weight", c.sizes().vocabulary(), width);
            for (int layer = 0; layer < c.sizes().layers(); layer++) {
                String prefix = "model.layers." + layer + ".";
                put(tensors, prefix + "input_layernorm.weight", width);
                matrix(tensors, prefix + "self_attn.q_proj", queries, width, queries, attention.bias());
                matrix(tensors, prefix + "self_attn.k_proj", keys, width, keys, attention.bias());
                matrix(tensors, prefix + "self_attn.v_proj", keys, width, keys, attention.bias());
                matrix(tensors, prefix + "self_attn.o_proj", width, queries, width, attention.outputBias());
                if (c.norms().queryKey()) {
                    put(tensors, prefix + "self_attn.q_norm.weight", attention.headSize());
                    put(tensors, prefix + "self_attn.k_norm.weight", attention.headSize());
                }
                long inner = feedForward.size();
                put(tensors, prefix + "post_attention_layernorm.weight", width);
                matrix(tensors, prefix + "mlp.gate_proj", inner, width, inner, feedForward.bias());
                matrix(tensors, prefix + "mlp.up_proj", inner, width, inner, feedForward.bias());
                matrix(tensors, prefix + "mlp.down_proj", width, inner, width, feedForward.bias());
            }
            put(tensors, "model.norm.weight", width);
            output(tensors, "lm_head", c);
            return tensors;
        }
    },

    /** GPT-2: learned positions, layer norms, matrices stored as {@code [in, out]}. */
    GPT2("transformer.", "\\.c_proj\\.weight$") {
        @Override
        Map<String, long[]> tensors(ModelConfiguration c) {
            Map<String, long[]> tensors = new LinkedHashMap<>();
            long width = c.sizes().hidden();
            long inner = c.feedForward().size();
            put(tensors, "transformer.wte.weight", c.sizes().vocabulary(), width);
            put(tensors, "transformer.wpe.weight", c.sizes().contextLength(), width);
            for (int layer = 0; layer < c.sizes().layers(); layer++) {
                String prefix = "transformer.h." + layer + ".";
                layerNorm(tensors, prefix + "ln_1", width);
                matrix(tensors, prefix + "attn.c_attn", width, 3 * width, 3 * width, true);
                matrix(tensors, prefix + "attn.c_proj", width, width, width, true);
                layerNorm(tensors, prefix + "ln_2", width);
                matrix(tensors, prefix + "mlp.c_fc", width, inner, inner, true);
                matrix(tensors, prefix + "mlp.c_proj", inner, width, width, true);
            }
            layerNorm(tensors, "transformer.ln_f", width);
            output(tensors, "lm_head", c);
            return tensors;
        }
    },

    /** GPT-NeoX, as which Pythia is known: layer norms, partly rotary positions, attention and feed-forward side by side. */
    GPT_NEOX("gpt_neox.", "\\.(attention\\.dense|dense_4h_to_h)\\.weight$") {
        @Override
        Map<String, long[]> tensors(ModelConfiguration c) {
            Map<String, long[]> tensors = new LinkedHashMap<>();
            long width = c.sizes().hidden();
            long inner = c.feedForward().size();
            put(tensors, "gpt_neox.embed_in.weight", c.sizes().vocabulary(), width);
            for (int layer = 0; layer < c.sizes().layers(); layer++) {
                String prefix = "gpt_neox.layers." + layer + ".";
                layerNorm(tensors, prefix + "input_layernorm", width);
                matrix(
                        tensors,
                        prefix + "attention.query_key_value",
                        3 * width,
                        width,
                        3 * width,
                        c.attention().bias());
                matrix(
                        tensors,
                        prefix + "attention.dense",
                        width,
                        width,
                        width,
                        c.attention().outputBias());
                layerNorm(tensors, prefix + "post_attention_layernorm", width);
                matrix(tensors, prefix + "mlp.dense_h_to_4h", inner, width, inner, true);
                matrix(tensors, prefix + "mlp.dense_4h_to_h", width, inner, width, true);
            }
            layerNorm(tensors, "gpt_neox.final_layer_norm", width);
            output(tensors, "embed_out", c);
            return tensors;
        }
    };

    private static final Pattern FREQUENCIES = Pattern.compile("\\.rotary_emb\\.(inv_freq|original_inv_freq)$");
    private static final Pattern MASK = Pattern.compile("\\.(attn|attention)\\.bias$");
    private static final Pattern MASKED_VALUE = Pattern.compile("\\.(attn|attention)\\.masked_bias$");

    private final String prefix;
    private final Pattern residual;

    Architecture(String prefix, String residual) {
        this.prefix = prefix;
        this.residual = Pattern.compile(residual);
    }

    /** Tensors with their shapes, in the order of the forward; a tied output matrix is not among them. */
    abstract Map<String, long[]> tensors(ModelConfiguration c);

    /** Whether a matrix leads back into the residual stream. */
    public boolean isResidual(String tensor) {
        return residual.matcher(tensor).find();
    }

    /**
     * Returns the kind of tensor that follows from the configuration and that older checkpoints hold: masks and rotary
     * frequencies.
     */
    Optional<DerivedTensor> derivedTensor(String tensor) {
        if (this != GPT2 && FREQUENCIES.matcher(tensor).find()) {
            return Optional.of(DerivedTensor.ROTARY_FREQUENCIES);
        }
        if (this != LLAMA && MASK.matcher(tensor).find()) {
            return Optional.of(DerivedTensor.CAUSAL_MASK);
        }
        return this != LLAMA && MASKED_VALUE.matcher(tensor).find()
                ? Optional.of(DerivedTensor.MASKED_VALUE)
                : Optional.empty();
    }

    /** Name of the output matrix where it is not tied, without {@code .weight}. */
    String outputName() {
        return this == GPT_NEOX ? "embed_out" : "lm_head";
    }

    /** Name of the embedding matrix. */
    String embeddingName() {
        return prefix
                + switch (this) {
                    case LLAMA -> "embed_tokens.weight";
                    case GPT2 -> "wte.weight";
                    case GPT_NEOX -> "embed_in.weight";
                };
    }

    /**
     * The name of a tensor of a file. Checkpoints of a bare model lack the prefix that all but the output matrix have, and newer
     * versions of `transformers` call every output matrix alike.
     */
    String canonicalName(String tensor) {
        String output = outputName() + ".";
        if (tensor.startsWith("lm_head.")) {
            return output + tensor.substring("lm_head.".length());
        }
        return tensor.startsWith(prefix) || tensor.startsWith(output) ? tensor : prefix + tensor;
    }

    private static void put(Map<String, long[]> tensors, String name, long... shape) {
        tensors.put(name, shape);
    }

    private static void layerNorm(Map<String, long[]> tensors, String name, long width) {
        put(tensors, name + ".weight", width);
        put(tensors, name + ".bias", width);
    }

    private static void matrix(
            Map<String, long[]> tensors, String name, long rows, long columns, long outputs, boolean bias) {
        put(tensors, name + ".weight", rows, columns);
        if (bias) {
            put(tensors, name + ".bias", outputs);
        }
    }

    private static void output(Map<String, long[]> tensors, String name, ModelConfiguration c) {
        if (!c.tiedEmbeddings()) {
            matrix(
                    tensors,
                    name,
                    c.sizes().vocabulary(),
                    c.sizes().hidden(),
                    c.sizes().vocabulary(),
                    c.output().bias());
        }
    }
}
