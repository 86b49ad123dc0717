package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.ModelConstants;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.engine.ScriptSource;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/** Rows made for the purpose: ties, cuts, tails that underflow, values that are not finite. */
@TestInstance(Lifecycle.PER_CLASS)
final class SelectionScriptTest {
    @SuppressWarnings("NullAway.Init") // before any test
    private Script script;

    @BeforeAll
    void load() {
        ModelConfiguration any = ModelConfiguration.llama(8, 1, 1, 1, 8, 8, 8, 10_000, true);
        script = Script.load(
                List.of(
                        ScriptSource.TRANSFORMER.methods(),
                        ScriptSource.SELECTION.methods(),
                        ScriptSource.DRAWS.methods()),
                ModelConstants.of(any, 6, 6, 8, 4),
                new ModelOptions("cpu", ComputePrecision.FLOAT32, 0));
    }

    @AfterAll
    void close() {
        script.close();
    }

    private SelectedColumns select(float[][] logits, long[] labels, RowSelection selection) {
        float[] flat = new float[logits.length * logits[0].length];
        for (int row = 0; row < logits.length; row++) {
            System.arraycopy(logits[row], 0, flat, row * logits[0].length, logits[0].length);
        }
        SelectionArguments arguments = new SelectionArguments(selection, List.of(), logits.length);
        try (InferenceCall call = script.inference("select")) {
            call.tensor(call.manager().create(FloatBuffer.wrap(flat), new Shape(logits.length, logits[0].length)))
                    .tensor(call.manager().create(labels));
            arguments.addTo(call);
            call.tensor(call.manager().zeros(new Shape(logits.length, logits[0].length)));
            return SelectedColumns.of(call.run());
        }
    }

    @Test
    void select_manyTies_goToTheLowerId() {
        Random random = new Random(3);
        float[][] logits = new float[40][300];
        for (float[] row : logits) {
            for (int id = 0; id < row.length; id++) {
                row[id] = random.nextInt(6) * 0.5f; // dozens of equals at every value
            }
        }
        Arrays.fill(logits[1], 0.25f); // nothing but equals
        long[] labels = new long[40];
        for (int k : new int[] {1, 2, 17, 64, 299, 300}) {
            SelectedColumns columns = select(logits.clone(), labels, RowSelection.topK(k));
            for (int row = 0; row < logits.length; row++) {
                int[] order = LogRows.order(widened(logits[row]));
                assertThat(Arrays.copyOfRange(columns.ids(), row * k, (row + 1) * k))
                        .as("k = %d, row %d", k, row)
                        .containsExactly(Arrays.copyOf(order, k));
            }
        }
    }

    @Test
    void select_cumulativeProbabilityReachesP_cutsThere() {
        float[] row = logs(0.4, 0.3, 0.2, 0.06, 0.04);
        assertThat(counts(row, 5, 0.95, 1)).isEqualTo(4);
        assertThat(counts(row, 5, 0.89, 1)).isEqualTo(3);
        assertThat(counts(row, 5, 0.69, 1)).isEqualTo(2);
        assertThat(counts(row, 5, 0.01, 1)).isEqualTo(1);
        assertThat(counts(row, 2, 0.95, 1)).isEqualTo(2);
        assertThat(counts(row, 5, 0.69, 0.5f)).isEqualTo(2); // .16, .09, .04, … over .2972: .54, .84
        assertThat(counts(row, 5, 0.52, 0.5f)).isEqualTo(1);
        assertThat(counts(row, 5, 0.72, 4)).isEqualTo(4); // nearly uniform: .253, .235, .213, .157, .142
    }

    @Test
    void select_cumulativeProbabilityEqualsP_cutsThere() {
        float[] quarters = {0, 0, 0, 0}; // exact in binary
        assertThat(counts(quarters, 4, 0.5, 1)).isEqualTo(2);
        assertThat(counts(quarters, 4, 0.75, 1)).isEqualTo(3);
        assertThat(counts(quarters, 4, 0.75 + 1e-9, 1)).isEqualTo(4);
    }

    @Test
    void select_tailFarBelow_isExactInTheLogDomain() {
        float[][] logits = {{20, 5, 4, 3}, {50, 1, 0, -1}, {200, 1, 0, -1}, {0, -300, -301, -302}, {3, 3, 3, 3}};
        SelectedColumns columns = select(copy(logits), new long[] {3, 3, 3, 3, 3}, RowSelection.topK(1));
        for (int row = 0; row < logits.length; row++) {
            double[] expected = LogRows.logSoftmax(widened(logits[row]));
            double tail = LogRows.logTail(expected, LogRows.order(expected), 1);
            assertThat((double) columns.logTailMass()[row]).isCloseTo(tail, within(1e-6 * Math.max(1, Math.abs(tail))));
            assertThat((double) columns.dataLogProbability()[row])
                    .isCloseTo(expected[3], within(1e-6 * Math.max(1, Math.abs(expected[3]))));
        }
    }

    @Test
    void select_everythingKept_leavesNoTail() {
        SelectedColumns columns = select(new float[][] {{1, 2, 3}}, new long[] {-1}, RowSelection.topK(3));
        assertThat(columns.logTailMass()).containsExactly(Float.NEGATIVE_INFINITY);
        assertThat(columns.dataLogProbability()[0]).isNaN();
    }

    @Test
    void select_notFiniteAnywhereInARow_isMarked() {
        float nan = Float.NaN;
        float infinity = Float.POSITIVE_INFINITY;
        float[][] logits = {
            {1, 2, 3, 4},
            {1, nan, 3, 4},
            {1, 2, infinity, 4},
            {1, 2, -infinity, 4},
            {nan, nan, nan, nan},
            {2, 2, 2, nan}
        };
        for (int k : new int[] {1, 2, 4}) {
            SelectedColumns columns = select(copy(logits), new long[6], RowSelection.topK(k));
            assertThat(columns.finite()).as("k = %d", k).containsExactly(1, 0, 0, 0, 0, 0);
        }
    }

    private int counts(float[] row, int k, double p, float temperature) {
        RowSelection selection = RowSelection.of(new Kept.Top(k, p, temperature));
        return select(new float[][] {row.clone()}, new long[] {0}, selection).counts()[0];
    }

    private static float[] logs(double... probabilities) {
        float[] logs = new float[probabilities.length];
        for (int i = 0; i < logs.length; i++) {
            logs[i] = (float) Math.log(probabilities[i]);
        }
        return logs;
    }

    private static float[][] copy(float[][] rows) {
        return Arrays.stream(rows).map(float[]::clone).toArray(float[][]::new);
    }

    private static double[] widened(float[] row) {
        double[] wide = new double[row.length];
        for (int i = 0; i < row.length; i++) {
            wide[i] = row[i];
        }
        return wide;
    }
}
