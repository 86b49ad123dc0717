package dev.lyne.student.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.lyne.student.loss.BucketReference.Row;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class ForwardKlTest {
    private static final double[][] STUDENT = {
        {1.1250, -0.4102, -0.0879, -2.5}, {.2676, .3535, .8711, -1.4688}, {-.1084, 1.6641, .0084, .1196},
        {.5, -.6406, -.2236, -1.5938}, {-1.5312, -1.9219, 0, -.5039}, {-1.5391, 1.5312, .5820, .2695},
        {-.3887, 1.2188, 0, .6055}, {.5, 1.3828, .1309, -1.0312}
    };
    private static final double[][] TEACHER = {
        {-.0381, -1.2578, -1.2031, .0947}, {-.7852, .4492, 1.5547, .0972}, {.8203, .0012, .7656, .3477},
        {-1.5781, .4297, .5977, .3926}, {1.5156, .1641, 2.0781, -.7734}, {-.5898, .4453, -.7969, .6328},
        {.6289, -.8359, .9258, .2109}, {.0006, .5195, 3.2344, -1.5781}
    };

    /** Rows of a batch, as the script takes them. */
    private record Batch(
            double[][] logits, int[] labels, Row[] rows, double[] dataWeights, double[] weights, double temperature) {}

    @Test
    void loss_goldenRows_givesTheKnownMeans() {
        double[] eighths = filled(8, 1 / 8.0);
        for (Map.Entry<Integer, Double> golden :
                Map.of(1, .3769642150, 3, .6292863690).entrySet()) {
            Row[] rows = Arrays.stream(TEACHER)
                    .map(t -> Row.topK(t, golden.getKey()))
                    .toArray(Row[]::new);
            LossRun.Result result =
                    run(new Batch(STUDENT, new int[8], rows, new double[8], eighths, 1), DataType.FLOAT64);
            assertThat(result.sums()[0]).isEqualTo(golden.getValue(), within(1e-10));
            assertThat(result.sums()[2] / 8).isEqualTo(golden.getValue(), within(1e-10));
        }
    }

    @Test
    void loss_randomRows_equalsTheReferenceAndItsFiniteDifferences() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (double temperature : new double[] {1, 2, 0.5}) {
            Batch batch = random(random, 7, 11, temperature);
            LossRun.Result result = run(batch, DataType.FLOAT64);
            double expected = 0;
            for (int i = 0; i < 7; i++) {
                expected += reference(batch, i, batch.logits()[i]);
                assertThat(Arrays.stream(result.gradient()[i]).sum())
                        .as("sum of gradient row, seed " + seed)
                        .isEqualTo(0, within(1e-12));
                for (int j = 0; j < 11; j++) {
                    double h = 1e-5;
                    double[] above = batch.logits()[i].clone();
                    double[] below = batch.logits()[i].clone();
                    above[j] += h;
                    below[j] -= h;
                    double slope = (reference(batch, i, above) - reference(batch, i, below)) / (2 * h);
                    assertThat(result.gradient()[i][j])
                            .as("row " + i + " id " + j + " temperature " + temperature + " seed " + seed)
                            .isEqualTo(slope, within(1e-8));
                }
            }
            assertThat(result.sums()[0]).as("seed " + seed).isEqualTo(expected, within(1e-10));
        }
    }

    @Test
    void loss_singlePrecision_isCloseToTheReference() {
        long seed = System.nanoTime();
        Batch batch = random(new Random(seed), 16, 200, 1);
        LossRun.Result narrow = run(batch, DataType.FLOAT32);
        LossRun.Result wide = run(batch, DataType.FLOAT64);
        assertThat(narrow.sums()).as("seed " + seed).containsExactly(wide.sums(), within(2e-4));
        for (int i = 0; i < 16; i++) {
            assertThat(narrow.gradient()[i]).as("seed " + seed).containsExactly(wide.gradient()[i], within(1e-6));
        }
    }

    @Test
    void loss_tailOfAMillionth_keepsItsPrecisionInSinglePrecision() {
        double[] logits = new double[1000];
        Arrays.fill(logits, -20);
        logits[3] = 0.5;
        logits[5] = 0;
        Row row = new Row(new int[] {3, 5}, new double[] {Math.log(.6), Math.log(.3)}, Math.log(.1));
        Batch batch =
                new Batch(new double[][] {logits}, new int[] {3}, new Row[] {row}, new double[1], new double[] {1}, 1);
        double expected = BucketReference.divergence(logits, row, 1);
        assertThat(run(batch, DataType.FLOAT32).sums()[0]).isEqualTo(expected, within(1e-5 * expected));
    }

    @Test
    void loss_tailBelowTheRangeOfAFloat_staysFiniteAndRight() {
        double[] logits = new double[50];
        Arrays.fill(logits, -120);
        logits[3] = 0.5;
        logits[5] = 0;
        Row row = new Row(new int[] {3, 5}, new double[] {Math.log(.6), Math.log(.3)}, Math.log(.1));
        Batch batch =
                new Batch(new double[][] {logits}, new int[] {3}, new Row[] {row}, new double[1], new double[] {1}, 1);
        LossRun.Result result = run(batch, DataType.FLOAT32);
        double expected = BucketReference.divergence(logits, row, 1);
        assertThat(result.sums()[0]).isEqualTo(expected, within(1e-5 * expected));
        assertThat(result.gradient()[0][7]).isEqualTo(-0.1 / 48, within(1e-8));
    }

    @Test
    void loss_everythingMasked_isZeroWithZeroGradient() {
        Row[] rows = {new Row(new int[0], new double[0], Double.NEGATIVE_INFINITY), Row.topK(TEACHER[0], 2)};
        double[][] logits = {STUDENT[0], STUDENT[1]};
        LossRun.Result result =
                run(new Batch(logits, new int[] {1, 2}, rows, new double[2], new double[2], 1), DataType.FLOAT32);
        assertThat(result.sums()[0]).isZero();
        assertThat(result.sums()[2]).isZero();
        assertThat(result.gradient()).isDeepEqualTo(new double[2][4]);
    }

    @Test
    void loss_moreEntriesKept_neverDecreases() {
        Random random = new Random(3);
        double[] teacher = random.doubles(30, -3, 3).toArray();
        double[] student = random.doubles(30, -3, 3).toArray();
        double before = 0;
        for (int k = 1; k <= 30; k++) {
            Row row = Row.topK(teacher, k);
            Batch batch = new Batch(
                    new double[][] {student}, new int[1], new Row[] {row}, new double[1], new double[] {1}, 1);
            double now = run(batch, DataType.FLOAT64).sums()[0];
            assertThat(now).isGreaterThanOrEqualTo(before - 1e-12);
            before = now;
        }
        double full = 0;
        double[] t = BucketReference.logSoftmax(teacher, 1);
        double[] s = BucketReference.logSoftmax(student, 1);
        for (int j = 0; j < 30; j++) {
            full += Math.exp(t[j]) * (t[j] - s[j]);
        }
        assertThat(before).isEqualTo(full, within(1e-10));
    }

    @Test
    void script_temperatureOutOfRange_isRefused() {
        assertThatThrownBy(() -> ForwardKl.script(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("student_temperature: 0.0 (expected: finite, above 0)");
    }

    private static double reference(Batch batch, int row, double[] logits) {
        return BucketReference.loss(
                logits,
                batch.labels()[row],
                batch.rows()[row],
                batch.dataWeights()[row],
                batch.weights()[row],
                batch.temperature());
    }

    /** Rows that keep from one entry to all, or were drawn; the last has no target and no distillation weight. */
    private static Batch random(Random random, int n, int vocabulary, double temperature) {
        double[][] logits = new double[n][];
        Row[] rows = new Row[n];
        int[] labels = new int[n];
        double[] weights = new double[n];
        for (int i = 0; i < n; i++) {
            logits[i] = random.doubles(vocabulary, -4, 4).toArray();
            rows[i] = Row.topK(
                    random.doubles(vocabulary, -4, 4).toArray(),
                    i == 0 ? vocabulary : 1 + random.nextInt(vocabulary - 1));
            labels[i] = random.nextInt(vocabulary);
            weights[i] = random.nextDouble();
        }
        rows[1] = Row.drawn(random.doubles(vocabulary, -4, 4).toArray(), 9, random);
        rows[2] = new Row(new int[0], new double[0], 0); // nothing kept, so nothing to learn
        rows[n - 1] = new Row(new int[0], new double[0], Double.NEGATIVE_INFINITY);
        weights[n - 1] = 0;
        return new Batch(logits, labels, rows, random.doubles(n, 0, 1).toArray(), weights, temperature);
    }

    private static LossRun.Result run(Batch batch, DataType type) {
        int n = batch.logits().length;
        int vocabulary = batch.logits()[0].length;
        int k = Math.max(
                1,
                Arrays.stream(batch.rows())
                        .mapToInt(row -> row.ids().length)
                        .max()
                        .orElseThrow());
        long[] ids = new long[n * k];
        double[] logProbabilities = filled(n * k, Double.NEGATIVE_INFINITY);
        double[] weights = new double[n * k];
        Arrays.fill(ids, vocabulary - 1); // padding may be any id
        for (int i = 0; i < n; i++) {
            Row row = batch.rows()[i];
            for (int e = 0; e < row.ids().length; e++) {
                ids[i * k + e] = row.ids()[e];
                logProbabilities[i * k + e] = row.logProbabilities()[e];
                weights[i * k + e] = row.weights()[e];
            }
        }
        return LossRun.of(
                batch.temperature(),
                batch.logits(),
                batch.labels(),
                ids,
                Map.of(
                        "data_weight", batch.dataWeights(),
                        "distillation_weight", batch.weights(),
                        "teacher_log_probs", logProbabilities,
                        "teacher_weights", weights,
                        "teacher_log_tail",
                                Arrays.stream(batch.rows())
                                        .mapToDouble(Row::logTail)
                                        .toArray()),
                type);
    }

    private static double[] filled(int length, double value) {
        double[] values = new double[length];
        Arrays.fill(values, value);
        return values;
    }
}
