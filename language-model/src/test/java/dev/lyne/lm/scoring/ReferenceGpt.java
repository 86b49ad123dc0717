package dev.lyne.lm.scoring;

import dev.lyne.lm.model.Architecture;
import dev.lyne.lm.model.ModelConfiguration;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;

/** GPT-2 and GPT-NeoX in plain 64-bit Java, one position and one head after another, to hold the scripts against. */
final class ReferenceGpt {
    private final ModelConfiguration shape;
    private final Map<String, double[]> weights;
    private final boolean neoX;

    ReferenceGpt(ModelConfiguration shape, Map<String, double[]> weights) {
        this.shape = shape;
        this.weights = weights;
        this.neoX = shape.architecture() == Architecture.GPT_NEOX;
    }

    /** Logits at every position, `[tokens, vocabulary]`. */
    double[][] logits(int[] tokens) {
        int width = shape.sizes().hidden();
        String embedding = neoX ? "gpt_neox.embed_in" : "transformer.wte";
        double[][] x = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            x[t] = row(embedding, tokens[t], width);
            if (!neoX) {
                x[t] = sum(x[t], row("transformer.wpe", t, width));
            }
        }
        for (int layer = 0; layer < shape.sizes().layers(); layer++) {
            layer(x, (neoX ? "gpt_neox.layers." : "transformer.h.") + layer + ".");
        }
        double[][] logits = new double[tokens.length][];
        String output = shape.tiedEmbeddings() ? embedding : neoX ? "embed_out" : "lm_head";
        for (int t = 0; t < tokens.length; t++) {
            double[] h = layerNorm(x[t], neoX ? "gpt_neox.final_layer_norm" : "transformer.ln_f");
            logits[t] = product(of(output + ".weight"), shape.sizes().vocabulary(), h, false);
        }
        return logits;
    }

    private void layer(double[][] x, String name) {
        double[][] attention = attention(x, name);
        for (int t = 0; t < x.length; t++) {
            double[] after = sum(x[t], attention[t]);
            double[] read = shape.feedForward().parallel() ? x[t] : after;
            double[] h = layerNorm(read, name + (neoX ? "post_attention_layernorm" : "ln_2"));
            double[] inner = affine(
                    name + (neoX ? "mlp.dense_h_to_4h" : "mlp.c_fc"),
                    shape.feedForward().size(),
                    h);
            for (int i = 0; i < inner.length; i++) {
                inner[i] = activation(inner[i]);
            }
            x[t] = sum(
                    after,
                    affine(
                            name + (neoX ? "mlp.dense_4h_to_h" : "mlp.c_proj"),
                            shape.sizes().hidden(),
                            inner));
        }
    }

    private double[][] attention(double[][] x, String name) {
        int size = shape.attention().headSize();
        int width = shape.sizes().hidden();
        double[][] fused = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] h = layerNorm(x[t], name + (neoX ? "input_layernorm" : "ln_1"));
            fused[t] = affine(name + (neoX ? "attention.query_key_value" : "attn.c_attn"), 3 * width, h);
        }
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] mixed = new double[width];
            for (int head = 0; head < shape.attention().heads(); head++) {
                double[] query = part(fused[t], head, 0, t);
                double[] scores = new double[t + 1];
                for (int j = 0; j <= t; j++) {
                    double[] key = part(fused[j], head, 1, j);
                    double dot = 0;
                    for (int i = 0; i < size; i++) {
                        dot += query[i] * key[i];
                    }
                    scores[j] = Math.exp(dot / Math.sqrt(size));
                }
                double total = Arrays.stream(scores).sum();
                for (int j = 0; j <= t; j++) {
                    double[] value = part(fused[j], head, 2, j);
                    for (int i = 0; i < size; i++) {
                        mixed[head * size + i] += scores[j] / total * value[i];
                    }
                }
            }
            out[t] = affine(name + (neoX ? "attention.dense" : "attn.c_proj"), width, mixed);
        }
        return out;
    }

    /** Query (0), key (1) or value (2) of a head, the first two turned by the position where positions are rotary. */
    private double[] part(double[] fused, int head, int which, int position) {
        int size = shape.attention().headSize();
        int from = neoX ? (head * 3 + which) * size : which * shape.sizes().hidden() + head * size;
        double[] part = Arrays.copyOfRange(fused, from, from + size);
        if (which == 2 || shape.rotation().size() == 0) {
            return part;
        }
        int half = shape.rotation().size() / 2;
        double[] turned = part.clone();
        for (int i = 0; i < half; i++) {
            double angle = position * Math.pow(shape.rotation().theta(), -(double) i / half);
            turned[i] = part[i] * Math.cos(angle) - part[i + half] * Math.sin(angle);
            turned[i + half] = part[i + half] * Math.cos(angle) + part[i] * Math.sin(angle);
        }
        return turned;
    }

    private double activation(double x) {
        if (shape.feedForward().activation().equals("gelu")) {
            return 0.5 * x * (1 + errorFunction(x / Math.sqrt(2)));
        }
        return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    /** 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms have one sign. */
    private static double errorFunction(double x) {
        if (Math.abs(x) > 6) {
            return Math.signum(x);
        }
        double term = x;
        double sum = x;
        for (int n = 1; n < 200; n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }

    private double[] layerNorm(double[] x, String name) {
        double mean = Arrays.stream(x).average().orElseThrow();
        double variance = Arrays.stream(x)
                .map(value -> (value - mean) * (value - mean))
                .average()
                .orElseThrow();
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = (x[i] - mean) / Math.sqrt(variance + shape.norms().epsilon()) * of(name + ".weight")[i]
                    + of(name + ".bias")[i];
        }
        return out;
    }

    private double[] affine(String name, int outputs, double[] x) {
        double[] out = product(of(name + ".weight"), outputs, x, !neoX);
        double[] bias = weights.get(name + ".bias");
        return bias == null ? out : sum(out, bias);
    }

    /** A matrix stored as {@code [out, in]}, or as {@code [in, out]} where it is transposed. */
    private static double[] product(double[] matrix, int outputs, double[] x, boolean transposed) {
        double[] out = new double[outputs];
        for (int o = 0; o < outputs; o++) {
            for (int i = 0; i < x.length; i++) {
                out[o] += x[i] * (transposed ? matrix[i * outputs + o] : matrix[o * x.length + i]);
            }
        }
        return out;
    }

    private double[] row(String name, int index, int width) {
        return Arrays.copyOfRange(of(name + ".weight"), index * width, (index + 1) * width);
    }

    private double[] of(String name) {
        return Objects.requireNonNull(weights.get(name), name);
    }

    private static double[] sum(double[] a, double[] b) {
        double[] out = a.clone();
        for (int i = 0; i < out.length; i++) {
            out[i] += b[i];
        }
        return out;
    }
}
