package dev.lyne.wire;

import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Rows of made-up distributions, whole and consistent: Zipf-like over the vocabulary, tilted by a context that rows may share. */
final class TeacherLikeRows {
    private static final int CONTEXTS = 12;

    private final int vocabularySize;
    private final SplittableRandom random;
    private final double spread;

    TeacherLikeRows(int vocabularySize, double spread, SplittableRandom random) {
        this.vocabularySize = vocabularySize;
        this.spread = spread;
        this.random = random;
    }

    /** The selected entries of as many rows; draws are simulated, chosen ids are random. */
    RowColumns columns(int rows, Selection selection) {
        int stride = Math.max(1, selection.mostEntries(vocabularySize));
        int temperatures = selection.temperatures().size();
        boolean drawn = selection instanceof Selection.Draws;
        RowColumns columns = new RowColumns(
                stride,
                new int[rows],
                new int[rows * stride],
                new float[rows * stride],
                new float[rows],
                new float[rows],
                new float[rows * temperatures],
                new float[rows * temperatures],
                new int[drawn ? rows * stride : 0],
                new float[rows * stride],
                new float[rows]);
        List<double[]> contexts = new ArrayList<>();
        for (int i = 0; i < CONTEXTS; i++) {
            contexts.add(gaussians());
        }
        for (int row = 0; row < rows; row++) {
            double[] context = contexts.get(random.nextInt(CONTEXTS));
            double[] own = gaussians();
            double[] logits = new double[vocabularySize];
            for (int id = 0; id < vocabularySize; id++) {
                logits[id] = spread * (0.8 * context[id] + 0.6 * own[id]) - Math.log(id + 5.0);
            }
            fill(columns, row, logits, selection);
        }
        return columns;
    }

    private void fill(RowColumns columns, int row, double[] logits, Selection selection) {
        double logSumExp = Math.log(Arrays.stream(logits).map(Math::exp).sum());
        double[] logProbabilities =
                Arrays.stream(logits).map(logit -> logit - logSumExp).toArray();
        int[] order = descending(logProbabilities);
        int[] draws = new int[vocabularySize];
        int[] kept = kept(order, logProbabilities, draws, selection);
        for (int i = 0; i < kept.length; i++) {
            int at = row * columns.stride() + i;
            columns.ids()[at] = kept[i];
            columns.logProbabilities()[at] = (float) logProbabilities[kept[i]];
            columns.logits()[at] = (float) logits[kept[i]];
            if (columns.drawCounts().length > 0) {
                columns.drawCounts()[at] = draws[kept[i]];
            }
        }
        columns.counts()[row] = kept.length;
        columns.logTailMass()[row] = kept.length == 0
                ? 0
                : logSum(Arrays.stream(order)
                        .filter(id -> Arrays.stream(kept).noneMatch(other -> other == id))
                        .mapToDouble(id -> logProbabilities[id])
                        .toArray());
        columns.labelLogProbability()[row] = (float) logProbabilities[random.nextInt(vocabularySize)];
        columns.logSumExp()[row] = (float) logSumExp;
        int temperatures = selection.temperatures().size();
        for (int i = 0; i < temperatures; i++) {
            float temperature = selection.temperatures().get(i);
            double offset = -Math.log(Arrays.stream(logProbabilities)
                    .map(value -> Math.exp(value / temperature))
                    .sum());
            double[] outside = Arrays.stream(order)
                    .filter(id -> Arrays.stream(kept).noneMatch(other -> other == id))
                    .mapToDouble(id -> logProbabilities[id] / temperature + offset)
                    .toArray();
            columns.temperatureOffsets()[row * temperatures + i] = (float) offset;
            columns.temperedLogTails()[row * temperatures + i] = outside.length == vocabularySize ? 0 : logSum(outside);
        }
    }

    private int[] kept(int[] order, double[] logProbabilities, int[] draws, Selection selection) {
        int most = selection.mostEntries(vocabularySize);
        if (selection instanceof Selection.TopPK rule) {
            double mass = 0;
            int count = 0;
            while (count < most && mass < rule.p() - 1e-12) {
                mass += Math.exp(logProbabilities[order[count++]]);
            }
            return Arrays.copyOf(order, count);
        } else if (selection instanceof Selection.Draws rule) {
            boolean[] head = new boolean[vocabularySize];
            for (int i = 0; i < rule.head(); i++) {
                head[order[i]] = true;
            }
            for (int left = rule.draws(); left > 0; ) {
                double uniform = random.nextDouble();
                int place = 0;
                for (double mass = 0; place < order.length - 1; place++) {
                    mass += Math.exp(logProbabilities[order[place]]);
                    if (mass > uniform) {
                        break;
                    }
                }
                if (!head[order[place]] || rule.head() >= vocabularySize / 2) {
                    draws[order[place]]++;
                    left--;
                }
            }
            return Arrays.stream(order).filter(id -> head[id] || draws[id] > 0).toArray();
        } else if (selection instanceof Selection.Chosen) {
            int count = random.nextInt(most + 1);
            int[] chosen = random.ints(4L * most, 0, vocabularySize)
                    .distinct()
                    .limit(count)
                    .toArray();
            return Arrays.stream(order)
                    .filter(id -> Arrays.stream(chosen).anyMatch(wanted -> wanted == id))
                    .toArray();
        }
        return Arrays.copyOf(order, most);
    }

    private static float logSum(double[] logs) {
        double greatest = Arrays.stream(logs).max().orElse(Double.NEGATIVE_INFINITY);
        double sum = Arrays.stream(logs).map(log -> Math.exp(log - greatest)).sum();
        return logs.length == 0 ? Float.NEGATIVE_INFINITY : (float) Math.min(0, greatest + Math.log(sum));
    }

    private double[] gaussians() {
        double[] values = new double[vocabularySize];
        for (int i = 0; i < vocabularySize; i += 2) {
            double radius = Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
            double angle = 2 * Math.PI * random.nextDouble();
            values[i] = radius * Math.cos(angle);
            if (i + 1 < vocabularySize) {
                values[i + 1] = radius * Math.sin(angle);
            }
        }
        return values;
    }

    private static int[] descending(double[] values) {
        Integer[] order = new Integer[values.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Double.compare(values[b], values[a]));
        return Arrays.stream(order).mapToInt(Integer::intValue).toArray();
    }
}
