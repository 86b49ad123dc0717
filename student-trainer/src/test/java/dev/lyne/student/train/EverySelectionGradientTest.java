package dev.lyne.student.train;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.Targets;
import dev.lyne.lm.training.Column;
import dev.lyne.row.RowColumns;
import dev.lyne.student.loss.BucketReference;
import dev.lyne.student.loss.LossRun;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The gradient that a student gets from targets, from received rows to the loss script: the full-vocabulary one where everything
 * is kept, whichever way, and the full-vocabulary one in the mean where it is drawn.
 */
final class EverySelectionGradientTest {
    private static final int VOCABULARY = 30;
    private static final long SEED = 20_261_122;

    private final double[] teacher = new Random(SEED).doubles(VOCABULARY, -3, 3).toArray();
    private final double[] student =
            new Random(SEED + 1).doubles(VOCABULARY, -3, 3).toArray();

    /** s − t: what the divergence over the whole vocabulary has for a gradient, both at a temperature. */
    private double[] full(double temperature) {
        double[] t = BucketReference.logSoftmax(teacher, temperature);
        double[] s = BucketReference.logSoftmax(student, 1);
        return IntStream.range(0, VOCABULARY)
                .mapToDouble(j -> Math.exp(s[j]) - Math.exp(t[j]))
                .toArray();
    }

    private double divergence(double temperature) {
        double[] t = BucketReference.logSoftmax(teacher, temperature);
        double[] s = BucketReference.logSoftmax(student, 1);
        return IntStream.range(0, VOCABULARY)
                .mapToDouble(j -> Math.exp(t[j]) * (t[j] - s[j]))
                .sum();
    }

    /** Top-k, top-p-k, top-fraction and chosen rows of k = V are this row. */
    @ParameterizedTest
    @ValueSource(floats = {1, 2, 0.5f})
    void gradient_everythingKept_isTheFullOne(float temperature) {
        int[] everything = byProbability(IntStream.range(0, VOCABULARY).toArray());
        LossRun.Result result =
                run(List.of(targets(everything, new int[0], Double.NEGATIVE_INFINITY, temperature)), temperature);
        assertThat(result.gradient()[0]).containsExactly(full(temperature), within(1e-6));
        assertThat(result.sums()[0]).isEqualTo(divergence(temperature), within(1e-5));
    }

    /** A tail bucket says how much the rest has in all: pushed and pulled as one, in the student's own proportions. */
    @Test
    void gradient_someChosen_isExactOnThemAndSumsToZero() {
        int[] chosen = byProbability(new int[] {4, 9, 17, 28});
        double[] t = BucketReference.logSoftmax(teacher, 1);
        double tail =
                1 - Arrays.stream(chosen).mapToDouble(id -> Math.exp(t[id])).sum();
        LossRun.Result result = run(List.of(targets(chosen, new int[0], Math.log(tail), 1)), 1);
        for (int id : chosen) {
            assertThat(result.gradient()[0][id]).isEqualTo(full(1)[id], within(1e-6));
        }
        assertThat(Arrays.stream(result.gradient()[0]).sum()).isEqualTo(0, within(1e-6));
    }

    /** Each gradient is within five standard errors of the full one, over many seeds; a truncated target of as many ids is not. */
    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void gradient_drawn_isTheFullOneInTheMean(int head) {
        int rows = 4_000;
        int draws = 20;
        List<Targets> drawn = new ArrayList<>();
        Random random = new Random(SEED + 2);
        for (int i = 0; i < rows; i++) {
            drawn.add(drawn(draws, head, random));
        }
        LossRun.Result result = run(drawn, 1);
        double[] expected = full(1);
        double[] t = BucketReference.logSoftmax(teacher, 1);
        boolean[] exact = new boolean[VOCABULARY];
        Arrays.stream(order()).limit(head).forEach(id -> exact[id] = true);
        double outside = 1
                - Arrays.stream(order())
                        .limit(head)
                        .mapToDouble(id -> Math.exp(t[id]))
                        .sum();
        for (int j = 0; j < VOCABULARY; j++) {
            int id = j;
            double mean = Arrays.stream(result.gradient())
                    .mapToDouble(g -> g[id])
                    .average()
                    .orElseThrow();
            double share = Math.exp(t[j]) / outside;
            double error = exact[j] ? 0 : outside * Math.sqrt(share * (1 - share) / ((double) draws * rows));
            assertThat(mean)
                    .as("id %s of head %s, seed %s", j, head, SEED)
                    .isEqualTo(expected[j], within(5 * error + 1e-6));
        }
        for (double[] gradient : result.gradient()) {
            assertThat(Arrays.stream(gradient).sum()).isEqualTo(0, within(1e-5));
        }
        double deviation = 0.3; // of one row's divergence, generously: the bound is on the mean of all
        assertThat(result.sums()[0] / rows).isEqualTo(divergence(1), within(5 * deviation / Math.sqrt(rows)));
    }

    @Test
    void gradient_truncatedInsteadOfDrawn_isNotTheFullOne() {
        int[] top = Arrays.copyOf(order(), 12);
        double[] t = BucketReference.logSoftmax(teacher, 1);
        double kept = Arrays.stream(top).mapToDouble(id -> Math.exp(t[id])).sum();
        int draws = 10_000;
        int[] counts = Arrays.stream(top)
                .map(id -> (int) Math.round(draws * Math.exp(t[id]) / kept))
                .toArray();
        LossRun.Result result = run(List.of(targets(top, counts, Math.log(1 - kept), 1)), 1);
        int most = top[0];
        double error = Math.sqrt(Math.exp(t[most]) / (20.0 * 4_000));
        assertThat(Math.abs(result.gradient()[0][most] - full(1)[most])).isGreaterThan(5 * error);
    }

    /** The distinct ids of draws, from outside the head where there is one. */
    private Targets drawn(int draws, int head, Random random) {
        double[] t = BucketReference.logSoftmax(teacher, 1);
        int[] order = order();
        int[] counts = new int[VOCABULARY];
        for (int left = draws; left > 0; ) {
            double uniform = random.nextDouble();
            int place = 0;
            for (double mass = Math.exp(t[order[0]]); mass <= uniform && place < VOCABULARY - 1; ) {
                mass += Math.exp(t[order[++place]]);
            }
            if (place >= head) {
                counts[order[place]]++;
                left--;
            }
        }
        int[] kept = IntStream.range(0, VOCABULARY)
                .filter(place -> place < head || counts[order[place]] > 0)
                .map(place -> order[place])
                .toArray();
        double tail = 1 - Arrays.stream(kept).mapToDouble(id -> Math.exp(t[id])).sum();
        return targets(kept, Arrays.stream(kept).map(id -> counts[id]).toArray(), Math.log(Math.max(0, tail)), 1);
    }

    private int[] order() {
        return byProbability(IntStream.range(0, VOCABULARY).toArray());
    }

    private int[] byProbability(int[] ids) {
        return Arrays.stream(ids)
                .boxed()
                .sorted((a, b) -> Double.compare(teacher[b], teacher[a]))
                .mapToInt(id -> id)
                .toArray();
    }

    /** A row as a client hands it out. */
    private Targets targets(int[] ids, int[] drawCounts, double logTail, float temperature) {
        double[] t = BucketReference.logSoftmax(teacher, 1);
        float[] kept = new float[ids.length];
        for (int i = 0; i < ids.length; i++) {
            kept[i] = (float) t[ids[i]];
        }
        float offset = (float)
                -Math.log(Arrays.stream(t).map(lp -> Math.exp(lp / temperature)).sum());
        return new Targets(
                TargetSequence.whole(0, new int[] {1, 2}),
                new RowColumns(
                        ids.length,
                        new int[] {ids.length},
                        ids,
                        kept,
                        new float[] {(float) logTail},
                        new float[] {-1},
                        temperature == 1f ? new float[0] : new float[] {offset},
                        temperature == 1f ? new float[0] : new float[] {temperedTail(t, ids, temperature, offset)},
                        drawCounts,
                        new float[0],
                        new float[0]),
                temperature == 1f ? List.of() : List.of(temperature),
                Map.of(),
                0,
                List.of(),
                0);
    }

    private static float temperedTail(double[] logProbabilities, int[] ids, float temperature, float offset) {
        return (float) Math.log(IntStream.range(0, VOCABULARY)
                .filter(id -> Arrays.stream(ids).noneMatch(kept -> kept == id))
                .mapToDouble(id -> Math.exp(logProbabilities[id] / temperature + offset))
                .sum());
    }

    /** The loss of a student that says the same at every row, the divergence alone. */
    private LossRun.Result run(List<Targets> targets, float temperature) {
        int rows = targets.size();
        int[] one = new int[rows];
        Arrays.fill(one, 1);
        Map<String, Column> columns = new TargetColumns(temperature)
                .of(targets.stream().map(Optional::of).toList(), one);
        double[][] logits = new double[rows][];
        Arrays.fill(logits, student);
        double[] ones = new double[rows];
        Arrays.fill(ones, 1);
        return LossRun.of(
                targets.get(0).columns().drawCounts().length > 0,
                logits,
                new int[rows],
                ((Column.Longs) requireNonNull(columns.get("teacher_ids"))).values(),
                Map.of(
                        "data_weight", new double[rows],
                        "distillation_weight", ones,
                        "teacher_log_probs", doubles(columns, "teacher_log_probs"),
                        "teacher_weights", doubles(columns, "teacher_weights"),
                        "teacher_log_tail", doubles(columns, "teacher_log_tail")),
                DataType.FLOAT32);
    }

    private static double[] doubles(Map<String, Column> columns, String name) {
        float[] values = ((Column.Floats) requireNonNull(columns.get(name))).values();
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }
}
