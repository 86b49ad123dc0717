package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
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
    private static final ScoreItem NOTHING = new ScoreItem(new int[0], new int[0]);

    @SuppressWarnings("NullAway.Init") // before any test
    private SelectionScript script;

    @BeforeAll
    void load() {
        script = new SelectionScript();
    }

    @AfterAll
    void close() {
        script.close();
    }

    private SelectedBatch select(float[][] logits, long[] labels, RowContent selection) {
        return script.select(logits, labels, selection, NOTHING);
    }

    @Test
    void select_manyTies_goToTheLowerId() {
        Random random = new Random(3);
        float[][] logits = new float[40][300];
        for (float[] row : logits) {
            for (int id = 0; id < row.length; id++) {
                float value = (random.nextInt(6) - 3) * 0.5f; // dozens of equals at every value
                row[id] = value == 0 && random.nextBoolean() ? -0f : value; // the two zeros are equals, too
            }
        }
        Arrays.fill(logits[1], 0.25f); // nothing but equals
        long[] labels = new long[40];
        for (int k : new int[] {1, 2, 17, 64, 299, 300}) {
            SelectedBatch columns = select(logits, labels, RowContent.topK(k));
            for (int row = 0; row < logits.length; row++) {
                int[] order = LogRows.order(widened(logits[row]));
                assertThat(Arrays.copyOfRange(columns.rows().ids(), row * k, (row + 1) * k))
                        .as("k = %d, row %d", k, row)
                        .containsExactly(Arrays.copyOf(order, k));
            }
        }
    }

    /** So many columns that they are ranked in groups: few values, many of them, and rows whose greatest lie side by side or at the end. */
    @Test
    void select_manyColumns_keepsTheGreatestInOrder() {
        Random random = new Random(4);
        float[][] logits = new float[8][5_003];
        for (int row = 0; row < logits.length; row++) {
            for (int id = 0; id < logits[row].length; id++) {
                logits[row][id] = row < 4 ? random.nextFloat() : random.nextInt(2_000) * 0.5f;
            }
        }
        for (int i = 0; i < 40; i++) {
            logits[0][4_963 + i] = 10 + i;
            logits[1][100 + i] = 10 - i;
            logits[2][7 * i] = 10;
        }
        for (int k : new int[] {1, 5, 64}) {
            SelectedBatch columns = select(logits, new long[8], RowContent.topK(k));
            for (int row = 0; row < logits.length; row++) {
                int[] order = LogRows.order(widened(logits[row]));
                assertThat(Arrays.copyOfRange(columns.rows().ids(), row * k, (row + 1) * k))
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
        SelectedBatch columns = select(logits, new long[] {3, 3, 3, 3, 3}, RowContent.topK(1));
        for (int row = 0; row < logits.length; row++) {
            double[] expected = LogRows.logSoftmax(widened(logits[row]));
            double tail = LogRows.logTail(expected, LogRows.order(expected), 1);
            assertThat((double) columns.rows().logTailMass()[row])
                    .isCloseTo(tail, within(1e-6 * Math.max(1, Math.abs(tail))));
            assertThat((double) columns.rows().labelLogProbability()[row])
                    .isCloseTo(expected[3], within(1e-6 * Math.max(1, Math.abs(expected[3]))));
        }
    }

    @Test
    void select_everythingKept_leavesNoTail() {
        SelectedBatch columns = select(new float[][] {{1, 2, 3}}, new long[] {-1}, RowContent.topK(3));
        assertThat(columns.rows().logTailMass()).containsExactly(Float.NEGATIVE_INFINITY);
        assertThat(columns.rows().labelLogProbability()[0]).isNaN();
    }

    @Test
    void select_chosenIds_comeInOrderWithTheMassOfTheRest() {
        float[] row = logs(0.4, 0.3, 0.1, 0.1, 0.1);
        float[][] logits = {row, row, row, row};
        int[][] chosen = {{4, 1, 3}, {}, {0, 1, 2, 3, 4}, {2}};
        ScoreItem item = new ScoreItem(new int[4], new int[] {0, 1, 2, 3}, chosen);
        RowColumns rows = script.rows(logits, RowContent.of(new Selection.Chosen(5, List.of())), item);
        assertThat(rows.counts()).containsExactly(3, 0, 5, 1);
        assertThat(Arrays.copyOf(rows.ids(), 3)).containsExactly(1, 3, 4);
        assertThat(Arrays.copyOfRange(rows.ids(), 10, 15)).containsExactly(0, 1, 2, 3, 4);
        assertThat(rows.ids()[15]).isEqualTo(2);
        assertThat((double) rows.logProbabilities()[0]).isCloseTo(Math.log(0.3), within(1e-6));
        assertThat((double) rows.logTailMass()[0]).isCloseTo(Math.log(0.5), within(1e-6));
        assertThat(rows.logTailMass()[1]).isZero();
        assertThat(rows.logTailMass()[2]).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat((double) rows.logTailMass()[3]).isCloseTo(Math.log(0.9), within(1e-6));
    }

    @Test
    void select_oneRowsTailUnderflows_othersKeepTheirBits() {
        float[] ordinary = {1.1f, 0.3f, -0.7f, 0.2f};
        RowContent selection = RowContent.topK(1);
        SelectedBatch alone = select(new float[][] {ordinary, ordinary}, new long[2], selection);
        SelectedBatch beside = select(new float[][] {ordinary, {300, 1, 2, 3}}, new long[2], selection);
        assertThat(beside.rows().logTailMass()[0]).isEqualTo(alone.rows().logTailMass()[0]);
    }

    @Test
    void select_rawLogits_areTheModelsBits() {
        float[] row = {1.2345678f, -3.3333f, 1000.123f, 7e-9f};
        ScoreItem item = new ScoreItem(new int[] {1}, new int[] {0}, new int[][] {{3, 1}});
        RowColumns rows =
                script.rows(new float[][] {row}, new RowContent(new Selection.Chosen(2, List.of()), true), item);
        assertThat(rows.logits()).containsExactly(row[3], row[1]);
        assertThat(rows.logSumExp()[0]).isEqualTo(1000.123f);
        SelectedBatch top =
                select(new float[][] {row}, new long[1], new RowContent(new Selection.TopK(4, List.of()), true));
        assertThat(top.rows().logits()).containsExactly(row[2], row[0], row[3], row[1]);
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
        List<Selection> kinds = List.of(
                new Selection.TopK(1, List.of()),
                new Selection.TopK(2, List.of()),
                new Selection.TopPK(0.9, 4, 2, List.of()),
                new Selection.Draws(20, 0, 1, List.of()),
                new Selection.Draws(20, 2, 1, List.of()),
                new Selection.Draws(20, 4, 1, List.of()),
                new Selection.LabelOnly(List.of()));
        for (Selection kept : kinds) {
            SelectedBatch columns =
                    select(logits, new long[6], new RowContent(kept.withTemperatures(List.of(0.5f)), true));
            assertThat(columns.finite()).as("%s", kept).containsExactly(1, 0, 0, 0, 0, 0);
        }
        int[][] chosen = {{0, 1}, {0}, {2, 3, 1}, {}, {0}, {2}};
        ScoreItem item = new ScoreItem(new int[6], new int[] {0, 1, 2, 3, 4, 5}, chosen);
        assertThat(script.select(logits, new long[6], RowContent.of(new Selection.Chosen(3, List.of())), item)
                        .finite())
                .containsExactly(1, 0, 0, 0, 0, 0);
    }

    private int counts(float[] row, int k, double p, float temperature) {
        RowContent selection = RowContent.of(new Selection.TopPK(p, k, temperature, List.of()));
        return select(new float[][] {row}, new long[] {0}, selection).rows().counts()[0];
    }

    private static float[] logs(double... probabilities) {
        float[] logs = new float[probabilities.length];
        for (int i = 0; i < logs.length; i++) {
            logs[i] = (float) Math.log(probabilities[i]);
        }
        return logs;
    }

    static double[] widened(float[] row) {
        double[] wide = new double[row.length];
        for (int i = 0; i < row.length; i++) {
            wide[i] = row[i];
        }
        return wide;
    }
}
