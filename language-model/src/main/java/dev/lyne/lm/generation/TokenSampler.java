package dev.lyne.lm.generation;

import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;

/** Draws token ids from logits. Owned by one thread. */
final class TokenSampler {
    private final SamplingOptions options;
    private final Random random;

    TokenSampler(SamplingOptions options) {
        this.options = options;
        this.random = new Random(options.seed());
    }

    /** The next token. Each draw uses one number of the generator, whatever the logits are. */
    int next(float[] logits) {
        for (float logit : logits) {
            if (!Float.isFinite(logit)) {
                throw new IllegalStateException("logits: " + logit + " (expected: finite)");
            }
        }
        if (options.temperature() == 0) {
            return mostProbable(logits);
        }
        int[] order = byProbability(logits);
        int kept = options.topK() == 0 ? order.length : Math.min(options.topK(), order.length);
        double[] cumulative = new double[kept];
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            sum += Math.exp((logits[order[i]] - logits[order[0]]) / options.temperature());
            cumulative[i] = sum;
        }
        int nucleus = 1;
        while (nucleus < kept && cumulative[nucleus - 1] < options.topP() * sum) {
            nucleus++;
        }
        double draw = random.nextDouble() * cumulative[nucleus - 1];
        int chosen = 0;
        while (chosen < nucleus - 1 && cumulative[chosen] <= draw) {
            chosen++;
        }
        return order[chosen];
    }

    private static int mostProbable(float[] logits) {
        int best = 0;
        for (int id = 1; id < logits.length; id++) {
            if (logits[id] > logits[best]) {
                best = id;
            }
        }
        return best;
    }

    private static int[] byProbability(float[] logits) {
        return IntStream.range(0, logits.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> -logits[id]))
                .mapToInt(Integer::intValue)
                .toArray();
    }
}
