package dev.lyne.lm.model;

import java.util.OptionalDouble;

/** Scaling of rotary frequencies past the length a model was first trained at; names as in `config.json`. */
public sealed interface RopeScaling {
    /** Frequencies theta^(-2i/d), unchanged. */
    record Default() implements RopeScaling {}

    /** Position interpolation (arXiv 2306.15595): every frequency divided by the factor. */
    record Linear(double factor) implements RopeScaling {
        public Linear {
            requireAtLeastOne("factor", factor);
        }
    }

    /** Llama 3.1: long wavelengths divided by the factor, short ones kept, those between blended. */
    record Llama3(double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalContext)
            implements RopeScaling {
        public Llama3 {
            requireAtLeastOne("factor", factor);
            requirePositive("low_freq_factor", lowFrequencyFactor);
            if (!(highFrequencyFactor > lowFrequencyFactor) || Double.isInfinite(highFrequencyFactor)) {
                throw new IllegalArgumentException("high_freq_factor: " + highFrequencyFactor
                        + " (expected: above low_freq_factor=" + lowFrequencyFactor + ")");
            }
            requirePositive("original_max_position_embeddings", originalContext);
        }
    }

    /**
     * YaRN (arXiv 2309.00071): a linear ramp over dimensions between interpolated and kept frequencies, and a factor on the
     * attention's queries and keys.
     *
     * @param attentionFactor where given, used as it is; else made from the factor and the two mscales
     * @param truncate whether the ramp's ends are rounded outwards to whole dimensions
     */
    record Yarn(
            double factor,
            OptionalDouble attentionFactor,
            OptionalDouble mscale,
            OptionalDouble mscaleAllDimensions,
            double betaFast,
            double betaSlow,
            int originalContext,
            boolean truncate)
            implements RopeScaling {
        public Yarn {
            requireAtLeastOne("factor", factor);
            requirePositive("beta_slow", betaSlow);
            if (!(betaFast >= betaSlow) || Double.isInfinite(betaFast)) {
                throw new IllegalArgumentException(
                        "beta_fast: " + betaFast + " (expected: at least beta_slow=" + betaSlow + ")");
            }
            if (attentionFactor.isPresent()) {
                requirePositive("attention_factor", attentionFactor.getAsDouble());
            }
            requirePositive("original_max_position_embeddings", originalContext);
        }

        /** The factor on cosines and sines. */
        public double attentionScale() {
            if (attentionFactor.isPresent()) {
                return attentionFactor.getAsDouble();
            }
            double first = mscale.orElse(0);
            double second = mscaleAllDimensions.orElse(0);
            if (first != 0 && second != 0) {
                return magnitude(first) / magnitude(second);
            }
            return magnitude(1);
        }

        private double magnitude(double scale) {
            return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
        }
    }

    private static void requireAtLeastOne(String key, double value) {
        if (!(value >= 1) || Double.isInfinite(value)) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: at least 1)");
        }
    }

    private static void requirePositive(String key, double value) {
        if (!(value > 0) || Double.isInfinite(value)) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: above 0)");
        }
    }
}
