package dev.lyne.student.loss;

import java.util.Arrays;

/** Forward KL over kept ids and a tail bucket, written out in 64 bits straight from the definition. */
public final class BucketReference {
    private BucketReference() {}

    /** A teacher's row: kept ids, their log-probabilities, what each of them counts, log of the rest. */
    public record Row(int[] ids, double[] logProbabilities, double[] weights, double logTail) {
        /** A row whose entries count with their probabilities. */
        public Row(int[] ids, double[] logProbabilities, double logTail) {
            this(
                    ids,
                    logProbabilities,
                    Arrays.stream(logProbabilities).map(Math::exp).toArray(),
                    logTail);
        }

        /** The distinct ids of some draws, which count with their shares of them. */
        static Row drawn(double[] logits, int draws, java.util.Random random) {
            double[] lp = logSoftmax(logits, 1);
            int[] counts = new int[lp.length];
            for (int draw = 0; draw < draws; draw++) {
                double uniform = random.nextDouble();
                int id = 0;
                for (double mass = Math.exp(lp[0]); mass <= uniform && id < lp.length - 1; ) {
                    mass += Math.exp(lp[++id]);
                }
                counts[id]++;
            }
            int[] ids = java.util.stream.IntStream.range(0, lp.length)
                    .filter(id -> counts[id] > 0)
                    .toArray();
            return new Row(
                    ids,
                    Arrays.stream(ids).mapToDouble(id -> lp[id]).toArray(),
                    Arrays.stream(ids)
                            .mapToDouble(id -> (double) counts[id] / draws)
                            .toArray(),
                    Double.NEGATIVE_INFINITY);
        }

        /** The k most probable entries of a distribution, and the mass of the others. */
        public static Row topK(double[] logits, int k) {
            double[] lp = logSoftmax(logits, 1);
            int[] ids = java.util.stream.IntStream.range(0, lp.length)
                    .boxed()
                    .sorted(java.util.Comparator.comparingDouble((Integer i) -> -lp[i]))
                    .mapToInt(i -> i)
                    .toArray();
            double tail = 0;
            for (int i = k; i < ids.length; i++) {
                tail += Math.exp(lp[ids[i]]);
            }
            int[] kept = Arrays.copyOf(ids, k);
            return new Row(kept, Arrays.stream(kept).mapToDouble(i -> lp[i]).toArray(), Math.log(tail));
        }
    }

    public static double[] logSoftmax(double[] logits, double temperature) {
        double max = Arrays.stream(logits).max().orElseThrow() / temperature;
        double sum = 0;
        for (double z : logits) {
            sum += Math.exp(z / temperature - max);
        }
        double lse = max + Math.log(sum);
        return Arrays.stream(logits).map(z -> z / temperature - lse).toArray();
    }

    static double crossEntropy(double[] logits, int label) {
        return -logSoftmax(logits, 1)[label];
    }

    /** Σ_K w log(t/s) + t_R log(t_R/s_R); 0 where nothing is kept. */
    static double divergence(double[] logits, Row row, double temperature) {
        double[] ls = logSoftmax(logits, temperature);
        boolean[] kept = new boolean[logits.length];
        double kl = 0;
        for (int i = 0; i < row.ids().length; i++) {
            double lt = row.logProbabilities()[i];
            kept[row.ids()[i]] = true;
            kl += row.weights()[i] * (lt - ls[row.ids()[i]]);
        }
        double tail = 0;
        for (int j = 0; j < ls.length; j++) {
            tail += kept[j] ? 0 : Math.exp(ls[j]);
        }
        if (row.logTail() > Double.NEGATIVE_INFINITY && row.ids().length > 0) {
            kl += Math.exp(row.logTail()) * (row.logTail() - Math.log(tail));
        }
        return kl;
    }

    /** The whole loss of a row. */
    static double loss(
            double[] logits, int label, Row row, double dataWeight, double distillationWeight, double temperature) {
        return dataWeight * crossEntropy(logits, label)
                + distillationWeight * temperature * temperature * divergence(logits, row, temperature);
    }
}
