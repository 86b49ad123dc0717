package dev.lyne.lm.model;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/** A kind of transformer: what its tensors are called in `transformers`, their shapes, and the script of its forward. */
public enum Architecture {
    /** Llama, Mistral, Qwen2 and Qwen3: RMS norms, rotary positions, a gated feed-forward. */
    LLAMA("", "\\.(o_proj|down_proj)\\.weight$", "\\.rotary_emb\\.inv_freq$") {
        @Override
        Map<String, long[]> tensors(ModelConfiguration c) {
            Map<String, long[]> tensors = new LinkedHashMap<>();
            long width = c.hiddenSize();
            long queries = (long) c.heads() * c.headSize();
            long keys = (long) c.keyValueHeads() * c.headSize();
            put(tensors, "model.embed_tokens.weight", c.vocabularySize(), width);
            for (int layer = 0; layer < c.layers(); layer++) {
                String prefix = "model.layers." + layer + ".";
                put(tensors, prefix + "input_layernorm.weight", width);
                matrix(tensors, prefix + "self_attn.q_proj", queries, width, queries, c.attentionBias());
                matrix(tensors, prefix + "self_attn.k_proj", keys, width, keys, c.attentionBias());
                matrix(tensors, prefix + "self_attn.v_proj", keys, width, keys, c.attentionBias());
                matrix(tensors, prefix + "self_attn.o_proj", width, queries, width, c.outputBias());
                if (c.queryKeyNorm()) {
                    put(tensors, prefix + "self_attn.q_norm.weight", c.headSize());
                    put(tensors, prefix + "self_attn.k_norm.weight", c.headSize());
                }
                long inner = c.intermediateSize();
                put(tensors, prefix + "post_attention_layernorm.weight", width);
                matrix(tensors, prefix + "mlp.gate_proj", inner, width, inner, c.mlpBias());
                matrix(tensors, prefix + "mlp.up_proj", inner, width, inner, c.mlpBias());
                matrix(tensors, prefix + "mlp.down_proj", width, inner, width, c.mlpBias());
            }
            put(tensors, "model.norm.weight", width);
            output(tensors, "lm_head", c);
            return tensors;
        }
    },

    /** GPT-2: learned positions, layer norms, matrices stored as {@code [in, out]}. */
    GPT2("transformer.", "\\.c_proj\\.weight$", "\\.attn\\.(bias|masked_bias)$") {
        @Override
        Map<String, long[]> tensors(ModelConfiguration c) {
            Map<String, long[]> tensors = new LinkedHashMap<>();
            long width = c.hiddenSize();
            long inner = c.intermediateSize();
            put(tensors, "transformer.wte.weight", c.vocabularySize(), width);
            put(tensors, "transformer.wpe.weight", c.contextLength(), width);
            for (int layer = 0; layer < c.layers(); layer++) {
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
    GPT_NEOX(
            "",
            "\\.(attention\\.dense|dense_4h_to_h)\\.weight$",
            "\\.attention\\.(bias|masked_bias|rotary_emb\\.inv_freq)$") {
        @Override
        Map<String, long[]> tensors(ModelConfiguration c) {
            Map<String, long[]> tensors = new LinkedHashMap<>();
            long width = c.hiddenSize();
            long inner = c.intermediateSize();
            put(tensors, "gpt_neox.embed_in.weight", c.vocabularySize(), width);
            for (int layer = 0; layer < c.layers(); layer++) {
                String prefix = "gpt_neox.layers." + layer + ".";
                layerNorm(tensors, prefix + "input_layernorm", width);
                matrix(tensors, prefix + "attention.query_key_value", 3 * width, width, 3 * width, c.attentionBias());
                matrix(tensors, prefix + "attention.dense", width, width, width, c.outputBias());
                layerNorm(tensors, prefix + "post_attention_layernorm", width);
                matrix(tensors, prefix + "mlp.dense_h_to_4h", inner, width, inner, true);
                matrix(tensors, prefix + "mlp.dense_4h_to_h", width, inner, width, true);
            }
            layerNorm(tensors, "gpt_neox.final_layer_norm", width);
            output(tensors, "embed_out", c);
            return tensors;
        }
    };

    private final String prefix;
    private final Pattern residual;
    private final Pattern derived;

    Architecture(String prefix, String residual, String derived) {
        this.prefix = prefix;
        this.residual = Pattern.compile(residual);
        this.derived = Pattern.compile(derived);
    }

    /** Tensors with their shapes, in the order of the forward; a tied output matrix is not among them. */
    abstract Map<String, long[]> tensors(ModelConfiguration c);

    /** Whether a matrix leads back into the residual stream. */
    public boolean isResidual(String tensor) {
        return residual.matcher(tensor).find();
    }

    /** Whether a tensor follows from the configuration, as masks and frequencies do that older checkpoints hold. */
    boolean isDerived(String tensor) {
        return derived.matcher(tensor).find();
    }

    /** Name of the output matrix where it is not tied, without {@code .weight}. */
    String outputName() {
        return this == GPT_NEOX ? "embed_out" : "lm_head";
    }

    /** The name of a tensor of a file: checkpoints of a bare model lack the prefix that all but the output matrix have. */
    String canonicalName(String tensor) {
        return tensor.startsWith(prefix) || tensor.startsWith(outputName()) ? tensor : prefix + tensor;
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
                    c.vocabularySize(),
                    c.hiddenSize(),
                    c.vocabularySize(),
                    c.output().bias());
        }
    }
}
