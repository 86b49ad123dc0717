package dev.lyne.lm.scoring;

import dev.lyne.row.Selection;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Expected selections of a row of logits, in 64 bits. */
final class LogRows {
    private LogRows() {}

    static double[] logSoftmax(double[] logits) {
        double sum = logSumExp(logits);
        return Arrays.stream(logits).map(logit -> logit - sum).toArray();
    }

    static double logSumExp(double[] values) {
        double greatest = Arrays.stream(values).max().orElse(Double.NEGATIVE_INFINITY);
        if (greatest == Double.NEGATIVE_INFINITY) {
            return greatest;
        }
        return greatest
                + Math.log(
                        Arrays.stream(values).map(v -> Math.exp(v - greatest)).sum());
    }

    /** Ids by descending value, ties to the lower id. */
    static int[] order(double[] values) {
        return IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> -values[id] + 0.0)) // + 0: both zeros are one
                .mapToInt(Integer::intValue)
                .toArray();
    }

    static int count(double[] logProbabilities, int[] order, Selection.Rule selection) {
        if (selection.p() == 1) {
            return selection.k();
        }
        double temperature = selection.temperature();
        double[] tempered = logSoftmax(
                Arrays.stream(logProbabilities).map(lp -> lp / temperature).toArray());
        double cumulative = 0;
        for (int kept = 1; kept <= selection.k(); kept++) {
            cumulative += Math.exp(tempered[order[kept - 1]]);
            if (cumulative >= selection.p() - 1e-12) {
                return kept;
            }
        }
        return selection.k();
    }

    /** Log of the mass outside the first {@code count} of the order. */
    static double logTail(double[] logProbabilities, int[] order, int count) {
        return logSumExp(Arrays.stream(order, count, order.length)
                .mapToDouble(id -> logProbabilities[id])
                .toArray());
    }

    static double temperatureOffset(double[] logProbabilities, double temperature) {
        return -logSumExp(
                Arrays.stream(logProbabilities).map(lp -> lp / temperature).toArray());
    }
}
