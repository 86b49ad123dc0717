package dev.lyne.lm.model;

/**
 * Rotary position embedding (arXiv 2104.09864) in the half-split layout: of the first R dimensions of a head, which turn, dimension i
 * turns together with i + R/2.
 *
 * <p>Rounded where `transformers` rounds (`modeling_rope_utils.py`): frequencies, angles and tables in float32, the ends of
 * YaRN's ramp in float64. The powers may differ from PyTorch's by one unit in the last place.
 */
public final class RotaryEmbedding {
    private static final double SINGULAR_RAMP = 0.001;

    private final float[] inverseFrequencies;
    private final double attentionScale;

    private RotaryEmbedding(float[] inverseFrequencies, double attentionScale) {
        this.inverseFrequencies = inverseFrequencies;
        this.attentionScale = attentionScale;
    }

    /** The embedding of a model whose heads turn so. */
    public static RotaryEmbedding of(ModelConfiguration.Rotation rotation) {
        int size = rotation.size();
        double theta = rotation.theta();
        RopeScaling scaling = rotation.scaling();
        float[] wavelengths = new float[size / 2]; // theta^(2i/d)
        for (int i = 0; i < wavelengths.length; i++) {
            wavelengths[i] = (float) Math.pow((float) theta, (float) (2 * i) / size);
        }
        float[] plain = new float[wavelengths.length];
        for (int i = 0; i < plain.length; i++) {
            plain[i] = 1f / wavelengths[i];
        }
        if (scaling instanceof RopeScaling.Linear linear) {
            for (int i = 0; i < plain.length; i++) {
                plain[i] /= (float) linear.factor();
            }
        } else if (scaling instanceof RopeScaling.Llama3 llama) {
            for (int i = 0; i < plain.length; i++) {
                plain[i] = blend(plain[i], llama);
            }
        } else if (scaling instanceof RopeScaling.Yarn yarn) {
            ramp(plain, wavelengths, size, theta, yarn);
            return new RotaryEmbedding(plain, yarn.attentionScale());
        }
        return new RotaryEmbedding(plain, 1);
    }

    /** Radians a position, float32 `[R / 2]`. */
    public float[] inverseFrequencies() {
        return inverseFrequencies.clone();
    }

    /** The factor on cosines and sines, so its square is on the attention's logits. */
    public double attentionScale() {
        return attentionScale;
    }

    /** Scaled cosines of positions 0 … length − 1, `[length, R]`, both halves alike. */
    public float[] cosines(int length) {
        return table(length, true);
    }

    /** Scaled sines of positions 0 … length − 1, `[length, R]`, both halves alike. */
    public float[] sines(int length) {
        return table(length, false);
    }

    private float[] table(int length, boolean cosine) {
        int half = inverseFrequencies.length;
        if (length < 0 || (long) length * half * 2 > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("length: " + length + " (expected: 0.."
                    + (Integer.MAX_VALUE - 8) / Math.max(1, 2 * half) + " for " + 2 * half + " rotary dimensions)");
        }
        float[] table = new float[length * half * 2];
        float scale = (float) attentionScale;
        for (int position = 0; position < length; position++) {
            int row = position * half * 2;
            for (int i = 0; i < half; i++) {
                float angle = inverseFrequencies[i] * position;
                float value = (float) (cosine ? Math.cos(angle) : Math.sin(angle)) * scale;
                table[row + i] = value;
                table[row + half + i] = value;
            }
        }
        return table;
    }

    private static float blend(float frequency, RopeScaling.Llama3 llama) {
        float factor = (float) llama.factor();
        float longest = (float) (llama.originalContext() / llama.lowFrequencyFactor());
        float shortest = (float) (llama.originalContext() / llama.highFrequencyFactor());
        float wavelength = (float) (2 * Math.PI) / frequency;
        if (wavelength > longest) {
            return frequency / factor;
        }
        if (wavelength < shortest) {
            return frequency;
        }
        float smooth = (llama.originalContext() / wavelength - (float) llama.lowFrequencyFactor())
                / (float) (llama.highFrequencyFactor() - llama.lowFrequencyFactor());
        return (1 - smooth) * frequency / factor + smooth * frequency;
    }

    private static void ramp(
            float[] frequencies, float[] wavelengths, int headSize, double theta, RopeScaling.Yarn yarn) {
        double low = dimensionOf(yarn.betaFast(), headSize, theta, yarn.originalContext());
        double high = dimensionOf(yarn.betaSlow(), headSize, theta, yarn.originalContext());
        if (yarn.truncate()) {
            low = Math.floor(low);
            high = Math.ceil(high);
        }
        low = Math.max(low, 0);
        high = Math.min(high, headSize - 1);
        if (low == high) {
            high += SINGULAR_RAMP;
        }
        for (int i = 0; i < frequencies.length; i++) {
            float position = (i - (float) low) / (float) (high - low);
            float kept = 1 - Math.min(Math.max(position, 0f), 1f);
            float interpolated = 1f / ((float) yarn.factor() * wavelengths[i]);
            frequencies[i] = interpolated * (1 - kept) + frequencies[i] * kept;
        }
    }

    /** The dimension, as a real number, that turns this often within the original length. */
    private static double dimensionOf(double rotations, int headSize, double theta, int originalContext) {
        return headSize * Math.log(originalContext / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }
}
