package dev.lyne.student.train;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.client.TargetSequence;
import dev.lyne.client.Targets;
import dev.lyne.lm.training.Column;
import dev.lyne.row.RowColumns;
import dev.lyne.student.loss.BucketReference;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class TargetColumnsTest {
    private static final int VOCABULARY = 40;

    @Test
    void of_anyTemperature_givesTheTemperedDistribution() {
        double[] logits = new Random(11).doubles(VOCABULARY, -3, 3).toArray();
        for (float temperature : new float[] {0.5f, 1f, 2f, 5f}) {
            BucketReference.Row row = BucketReference.Row.topK(logits, 6);
            double[] tempered = BucketReference.logSoftmax(logits, temperature);
            Map<String, Column> columns = new TargetColumns(temperature)
                    .of(List.of(Optional.of(targets(logits, row, temperature))), new int[] {1});
            float[] lp = floats(columns, "teacher_log_probs");
            double kept = 0;
            for (int i = 0; i < 6; i++) {
                assertThat((double) lp[i]).isEqualTo(tempered[row.ids()[i]], within(1e-5));
                kept += Math.exp(tempered[row.ids()[i]]);
            }
            float tail = floats(columns, "teacher_log_tail")[0];
            assertThat((double) tail).as("temperature " + temperature).isEqualTo(Math.log(1 - kept), within(1e-5));
        }
    }

    @Test
    void of_tailThatADifferenceWouldLose_isTheOneThatWasSent() {
        double[] logits = new double[VOCABULARY];
        Arrays.fill(logits, -12);
        logits[0] = 5;
        BucketReference.Row row = BucketReference.Row.topK(logits, 1);
        double exact = Math.log(VOCABULARY - 1) + BucketReference.logSoftmax(logits, 0.5)[1];
        Map<String, Column> columns =
                new TargetColumns(0.5f).of(List.of(Optional.of(targets(logits, row, 0.5f))), new int[] {1});
        float tail = floats(columns, "teacher_log_tail")[0];
        assertThat((double) tail).isEqualTo(exact, within(1e-4));
    }

    /** Mass that coding took or added is divided out, so that a target at a temperature is a distribution. */
    @Test
    void of_massesThatDoNotSumToOne_areDividedByTheirSum() {
        double[] logits = new Random(3).doubles(VOCABULARY, -3, 3).toArray();
        Targets targets = targets(logits, BucketReference.Row.topK(logits, 4), 0.5f);
        targets.columns().logProbabilities()[0] += 0.04f;
        targets.columns().temperedLogTails()[0] -= 0.05f;
        Map<String, Column> columns = new TargetColumns(0.5f).of(List.of(Optional.of(targets)), new int[] {1});
        double mass = Math.exp(floats(columns, "teacher_log_tail")[0]);
        for (float lp : floats(columns, "teacher_log_probs")) {
            mass += Math.exp(lp);
        }
        assertThat(mass).isEqualTo(1, within(1e-6));
    }

    @Test
    void of_sequenceWithoutTargets_keepsNothing() {
        double[] logits = new Random(1).doubles(VOCABULARY, -3, 3).toArray();
        Targets targets = targets(logits, BucketReference.Row.topK(logits, 3), 1f);
        Map<String, Column> columns =
                new TargetColumns(1f).of(List.of(Optional.empty(), Optional.of(targets)), new int[] {2, 1});
        Column.Longs ids = (Column.Longs) requireNonNull(columns.get("teacher_ids"));
        assertThat(ids.width()).isEqualTo(3);
        assertThat(ids.values())
                .hasSize(9)
                .endsWith(
                        targets.columns().ids()[0],
                        targets.columns().ids()[1],
                        targets.columns().ids()[2]);
        assertThat(Arrays.copyOf(floats(columns, "teacher_log_probs"), 6)).containsOnly(Float.NEGATIVE_INFINITY);
    }

    @Test
    void of_temperatureNotAskedFor_isRefused() {
        double[] logits = new double[VOCABULARY];
        Targets targets = targets(logits, BucketReference.Row.topK(logits, 3), 2f);
        TargetColumns columns = new TargetColumns(3f);
        List<Optional<Targets>> batch = List.of(Optional.of(targets));
        assertThatThrownBy(() -> columns.of(batch, new int[] {1}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("targets at temperatures [2.0] (expected: teacher_temperature=3.0 among them)");
        assertThatThrownBy(() -> columns.of(batch, new int[] {2})).hasMessage("sequence 0: 1 rows (expected: 2)");
    }

    private static float[] floats(Map<String, Column> columns, String name) {
        return ((Column.Floats) requireNonNull(columns.get(name))).values();
    }

    private static float temperedTail(double[] lp, int[] ids, float temperature, double offset) {
        return (float) Math.log(IntStream.range(0, VOCABULARY)
                .filter(id -> Arrays.stream(ids).noneMatch(kept -> kept == id))
                .mapToDouble(id -> Math.exp(lp[id] / temperature + offset))
                .sum());
    }

    private static Targets targets(double[] logits, BucketReference.Row row, float temperature) {
        double[] lp = BucketReference.logSoftmax(logits, 1);
        double offset =
                -Math.log(Arrays.stream(lp).map(x -> Math.exp(x / temperature)).sum());
        float[] kept = new float[row.ids().length];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = (float) row.logProbabilities()[i];
        }
        return new Targets(
                TargetSequence.whole(0, new int[] {1, 2}),
                new RowColumns(
                        kept.length,
                        new int[] {kept.length},
                        row.ids(),
                        kept,
                        new float[] {(float) row.logTail()},
                        new float[] {-1},
                        temperature == 1f ? new float[0] : new float[] {(float) offset},
                        temperature == 1f
                                ? new float[0]
                                : new float[] {temperedTail(lp, row.ids(), temperature, offset)},
                        new int[0],
                        new float[0],
                        new float[0]),
                temperature == 1f ? List.of() : List.of(temperature),
                Map.of(),
                0,
                List.of(),
                0);
    }
}
