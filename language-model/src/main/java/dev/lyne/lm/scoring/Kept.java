package dev.lyne.lm.scoring;

/** Which entries of a row come back. They come in descending order of probability, ties to the lower id. */
public sealed interface Kept {
    /** Most draws a row. */
    int MAX_DRAWS = 1 << 16;

    /** Most entries of a row over a vocabulary of this size. */
    int mostEntries(int vocabularySize);

    /**
     * The smallest prefix in descending order of probability whose cumulative probability reaches p − 1e-12, and at most k of it
     * (top-p-k, arXiv 2410.16215); p = 1 keeps exactly k (top-k).
     *
     * @param k most entries a row, 1 to the vocabulary size
     * @param p cumulative probability to reach, in (0, 1]; 1 switches the test off
     * @param truncationTemperature temperature the cumulative probability is taken at, above 0
     */
    record Top(int k, double p, float truncationTemperature) implements Kept {
        public Top {
            requireK(k);
            if (!(p > 0 && p <= 1)) {
                throw new IllegalArgumentException("p: " + p + " (expected: above 0, at most 1)");
            }
            if (!(truncationTemperature > 0) || Float.isInfinite(truncationTemperature)) {
                throw new IllegalArgumentException(
                        "truncation_temperature: " + truncationTemperature + " (expected: finite, above 0)");
            }
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return k;
        }
    }

    /**
     * The distinct tokens of independent draws with replacement from the row's distribution, and how often each came (random
     * sampling KD, arXiv 2503.16870). With a head, its most probable tokens are kept exactly and the draws are from the rest alone.
     * What is drawn is a function of the seed, the tokens up to the position and the row's probabilities.
     *
     * @param draws draws a row, 1 to 65,536
     * @param head most probable tokens kept beside the draws, with draw count 0; 0 for none
     * @param seed any number
     */
    record Draws(int draws, int head, long seed) implements Kept {
        public Draws {
            if (draws < 1 || draws > MAX_DRAWS) {
                throw new IllegalArgumentException("draws: " + draws + " (expected: 1.." + MAX_DRAWS + ")");
            }
            if (head < 0) {
                throw new IllegalArgumentException("head: " + head + " (expected: 0..vocabulary_size)");
            }
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return (int) Math.min(vocabularySize, (long) head + draws);
        }
    }

    /**
     * The tokens that each item names for each of its positions.
     *
     * @param k most tokens a position, 1 to the vocabulary size
     */
    record Chosen(int k) implements Kept {
        public Chosen {
            requireK(k);
        }

        @Override
        public int mostEntries(int vocabularySize) {
            return k;
        }
    }

    /** No entries: the log-probability of the label alone. */
    record LabelOnly() implements Kept {
        @Override
        public int mostEntries(int vocabularySize) {
            return 0;
        }
    }

    private static void requireK(int k) {
        if (k < 1) {
            throw new IllegalArgumentException("k: " + k + " (expected: 1..vocabulary_size)");
        }
    }
}
