package dev.lyne.lm.scoring;

import dev.lyne.lm.model.Architecture;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.RopeScaling;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The forward in plain 64-bit Java, one position after another, to hold the scripts against. */
final class ReferenceTransformer {
    private final ModelConfiguration shape;
    private final Map<String, double[]> weights;
    private final double[] frequencies;
    private final double angleScale;

    ReferenceTransformer(ModelConfiguration shape, Map<String, double[]> weights) {
        this.shape = shape;
        this.weights = weights;
        this.frequencies = frequencies(shape);
        this.angleScale =
                shape.rotation().scaling() instanceof RopeScaling.Yarn yarn ? 0.1 * Math.log(yarn.factor()) + 1 : 1;
    }

    /** Logits at every position, `[tokens, vocabulary]`. */
    double[][] logits(int[] tokens) {
        if (shape.architecture() != Architecture.LLAMA) {
            return new ReferenceGpt(shape, weights).logits(tokens);
        }
        int width = shape.sizes().hidden();
        double[][] x = new double[tokens.length][];
        double[] embedding = of("model.embed_tokens.weight");
        for (int t = 0; t < tokens.length; t++) {
            x[t] = java.util.Arrays.copyOfRange(embedding, tokens[t] * width, (tokens[t] + 1) * width);
        }
        for (int layer = 0; layer < shape.sizes().layers(); layer++) {
            String prefix = "model.layers." + layer + ".";
            double[][] attention = attention(prefix + "self_attn.", layer, x, prefix + "input_layernorm.weight");
            for (int t = 0; t < tokens.length; t++) {
                add(x[t], attention[t]);
                double[] h = norm(x[t], of(prefix + "post_attention_layernorm.weight"), 0, width);
                double[] gate = project(prefix + "mlp.gate_proj", h);
                double[] up = project(prefix + "mlp.up_proj", h);
                for (int i = 0; i < gate.length; i++) {
                    up[i] *= gate[i] / (1 + Math.exp(-gate[i]));
                }
                add(x[t], project(prefix + "mlp.down_proj", up));
            }
        }
        double[][] logits = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            double[] h = norm(x[t], of("model.norm.weight"), 0, width);
            logits[t] = multiply(of(shape.tiedEmbeddings() ? "model.embed_tokens.weight" : "lm_head.weight"), h, null);
        }
        return logits;
    }

    private double[][] attention(String prefix, int layer, double[][] x, String inputNorm) {
        int size = shape.attention().headSize();
        double[][] q = new double[x.length][];
        double[][] k = new double[x.length][];
        double[][] v = new double[x.length][];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] h = norm(x[t], of(inputNorm), 0, x[t].length);
            q[t] = rotate(headNorm(project(prefix + "q_proj", h), prefix + "q_norm.weight"), t);
            k[t] = rotate(headNorm(project(prefix + "k_proj", h), prefix + "k_norm.weight"), t);
            v[t] = project(prefix + "v_proj", h);
            int window = shape.attention().slidingWindows().get(layer);
            int first = window == 0 ? 0 : Math.max(0, t - window + 1);
            double[] mixed = new double[shape.attention().heads() * size];
            for (int head = 0; head < shape.attention().heads(); head++) {
                int shared = head
                        * shape.attention().keyValueHeads()
                        / shape.attention().heads();
                double[] scores = new double[t + 1];
                double sum = 0;
                for (int j = first; j <= t; j++) {
                    double dot = 0;
                    for (int i = 0; i < size; i++) {
                        dot += q[t][head * size + i] * k[j][shared * size + i];
                    }
                    scores[j] = Math.exp(dot / Math.sqrt(size));
                    sum += scores[j];
                }
                for (int j = first; j <= t; j++) {
                    for (int i = 0; i < size; i++) {
                        mixed[head * size + i] += scores[j] / sum * v[j][shared * size + i];
                    }
                }
            }
            out[t] = project(prefix + "o_proj", mixed);
        }
        return out;
    }

    private double[] headNorm(double[] x, String name) {
        if (!shape.norms().queryKey()) {
            return x;
        }
        double[] out = new double[x.length];
        for (int from = 0; from < x.length; from += shape.attention().headSize()) {
            double[] head = norm(x, of(name), from, shape.attention().headSize());
            System.arraycopy(head, 0, out, from, head.length);
        }
        return out;
    }

    private double[] norm(double[] x, double[] scale, int from, int length) {
        double squares = 0;
        for (int i = 0; i < length; i++) {
            squares += x[from + i] * x[from + i];
        }
        double factor = 1 / Math.sqrt(squares / length + shape.norms().epsilon());
        double[] out = new double[length];
        for (int i = 0; i < length; i++) {
            out[i] = scale[i] * x[from + i] * factor;
        }
        return out;
    }

    private double[] rotate(double[] x, int position) {
        int size = shape.attention().headSize();
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            int inHead = i % size;
            double angle = position * frequencies[inHead % (size / 2)];
            double partner = inHead < size / 2 ? -x[i + size / 2] : x[i - size / 2];
            out[i] = angleScale * (x[i] * Math.cos(angle) + partner * Math.sin(angle));
        }
        return out;
    }

    private static double[] frequencies(ModelConfiguration shape) {
        int size = shape.attention().headSize();
        double[] out = new double[size / 2];
        for (int i = 0; i < out.length; i++) {
            double plain = Math.pow(shape.rotation().theta(), -2.0 * i / size);
            if (shape.rotation().scaling() instanceof RopeScaling.Linear linear) {
                out[i] = plain / linear.factor();
            } else if (shape.rotation().scaling() instanceof RopeScaling.Llama3 llama) {
                double turns = llama.originalContext() * plain / (2 * Math.PI);
                double kept = (turns - llama.lowFrequencyFactor())
                        / (llama.highFrequencyFactor() - llama.lowFrequencyFactor());
                out[i] = mix(plain, plain / llama.factor(), kept);
            } else if (shape.rotation().scaling() instanceof RopeScaling.Yarn yarn) {
                double low = Math.max(0, Math.floor(turning(shape, yarn.betaFast(), yarn.originalContext())));
                double high = Math.min(size - 1, Math.ceil(turning(shape, yarn.betaSlow(), yarn.originalContext())));
                out[i] = mix(plain, plain / yarn.factor(), 1 - (i - low) / (high - low));
            } else {
                out[i] = plain;
            }
        }
        return out;
    }

    /** The pair of dimensions, as a real number, that turns that often within the context. */
    private static double turning(ModelConfiguration shape, double turns, int context) {
        return shape.attention().headSize()
                / 2.0
                * Math.log(context / (2 * Math.PI * turns))
                / Math.log(shape.rotation().theta());
    }

    private static double mix(double kept, double stretched, double share) {
        double clamped = Math.max(0, Math.min(1, share));
        return clamped * kept + (1 - clamped) * stretched;
    }

    private double[] project(String name, double[] x) {
        return multiply(of(name + ".weight"), x, weights.get(name + ".bias"));
    }

    private static double[] multiply(double[] matrix, double[] x, double @Nullable [] bias) {
        double[] out = new double[matrix.length / x.length];
        for (int row = 0; row < out.length; row++) {
            double sum = bias == null ? 0 : bias[row];
            for (int i = 0; i < x.length; i++) {
                sum += matrix[row * x.length + i] * x[i];
            }
            out[row] = sum;
        }
        return out;
    }

    private double[] of(String name) {
        return Objects.requireNonNull(weights.get(name), name);
    }

    private static void add(double[] to, double[] what) {
        for (int i = 0; i < to.length; i++) {
            to[i] += what[i];
        }
    }
}
