package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.row.DrawKeys;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/** Draws and exact heads: unbiased, functions of seed, prefix and position alone. */
@TestInstance(Lifecycle.PER_CLASS)
final class DrawsTest {
    private static final int SEEDS = 500;
    private static final int VOCABULARY = 120;

    /** Of a statistic that has mean 0 and deviation 1 where rows are drawn as claimed; seeds are fixed. */
    private static final double BOUND = 4.5;

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

    private static float[][] normalRows(int rows, int vocabulary, double deviation, long seed) {
        Random random = new Random(seed);
        float[][] logits = new float[rows][vocabulary];
        for (float[] row : logits) {
            for (int id = 0; id < vocabulary; id++) {
                row[id] = (float) (deviation * random.nextGaussian());
            }
        }
        return logits;
    }

    private static ScoreItem item(int rows, long seed) {
        return new ScoreItem(
                new Random(seed).ints(rows, 0, 1000).toArray(),
                IntStream.range(0, rows).toArray());
    }

    /** How often each id was drawn in each row, over seeds. */
    private long[][] drawn(float[][] logits, Selection.Draws draws) {
        ScoreItem item = item(logits.length, 1);
        long[][] drawn = new long[logits.length][VOCABULARY];
        for (long seed = 0; seed < SEEDS; seed++) {
            RowColumns rows = script.rows(
                    logits, RowContent.of(new Selection.Draws(draws.draws(), draws.head(), seed, List.of())), item);
            for (int row = 0; row < logits.length; row++) {
                for (int i = row * rows.stride(); i < row * rows.stride() + rows.counts()[row]; i++) {
                    drawn[row][rows.ids()[i]] += rows.drawCounts()[i];
                }
            }
        }
        return drawn;
    }

    /** Standardised χ² of the counts against the distribution outside the head, as it is at a temperature. */
    private static double deviation(long[][] drawn, float[][] logits, Selection.Draws draws, double temperature) {
        double statistic = 0;
        double freedom = 0;
        for (int row = 0; row < logits.length; row++) {
            double[] all = LogRows.logSoftmax(SelectionScriptTest.widened(logits[row]));
            int[] order = LogRows.order(all);
            int[] tail = Arrays.copyOfRange(order, draws.head(), order.length);
            double[] expected = LogRows.logSoftmax(
                    Arrays.stream(tail).mapToDouble(id -> all[id] / temperature).toArray());
            assertThat(Arrays.stream(tail).mapToLong(intoRow(drawn[row])).sum())
                    .isEqualTo((long) SEEDS * draws.draws());
            double pooled = 0;
            double pooledDrawn = 0;
            for (int i = 0; i < tail.length; i++) {
                double mean = Math.exp(expected[i]) * SEEDS * draws.draws();
                if (mean >= 10) {
                    statistic += square(drawn[row][tail[i]] - mean) / mean;
                    freedom++;
                } else {
                    pooled += mean;
                    pooledDrawn += drawn[row][tail[i]];
                }
            }
            statistic += square(pooledDrawn - pooled) / pooled; // of ids too rare to be counted one by one
        }
        return (statistic - freedom) / Math.sqrt(2 * freedom);
    }

    private static IntToLongFunction intoRow(long[] drawn) {
        return id -> drawn[id];
    }

    private static double square(double x) {
        return x * x;
    }

    @Test
    void draws_overManySeeds_followTheFullDistribution() {
        float[][] logits = normalRows(3, VOCABULARY, 2, 5);
        Selection.Draws draws = new Selection.Draws(50, 0, 0, List.of());
        long[][] drawn = drawn(logits, draws);
        assertThat(deviation(drawn, logits, draws, 1)).isBetween(-BOUND, BOUND);
        assertThat(deviation(drawn, logits, draws, 1.05))
                .as("of a neighbouring distribution")
                .isGreaterThan(2 * BOUND);
    }

    @Test
    void draws_besideAHead_followTheTailsDistribution() {
        float[][] logits = normalRows(3, VOCABULARY, 2, 6);
        Selection.Draws draws = new Selection.Draws(20, 8, 0, List.of());
        long[][] drawn = drawn(logits, draws);
        assertThat(deviation(drawn, logits, draws, 1)).isBetween(-BOUND, BOUND);
        assertThat(deviation(drawn, logits, draws, 1.1))
                .as("of a neighbouring distribution")
                .isGreaterThan(2 * BOUND);
    }

    @Test
    void targets_meanOverSeeds_isTheRowWithinItsStandardError() {
        float[][] logits = normalRows(2, VOCABULARY, 2, 7);
        ScoreItem item = item(2, 2);
        for (Selection.Draws kind : new Selection.Draws[] {
            new Selection.Draws(50, 0, 0, List.of()), new Selection.Draws(50, 12, 0, List.of())
        }) {
            double[][] sums = new double[2][VOCABULARY];
            for (long seed = 0; seed < SEEDS; seed++) {
                var draws = new Selection.Draws(kind.draws(), kind.head(), -seed, List.of());
                RowColumns rows = script.rows(logits, RowContent.of(draws), item);
                for (int row = 0; row < 2; row++) {
                    double spread = draws.head() > 0 ? outsideTheHead(rows, row) : 1;
                    for (int i = 0; i < rows.counts()[row]; i++) {
                        int at = row * rows.stride() + i;
                        sums[row][rows.ids()[at]] += i < draws.head()
                                ? Math.exp(rows.logProbabilities()[at])
                                : spread * rows.drawCounts()[at] / draws.draws();
                    }
                }
            }
            for (int row = 0; row < 2; row++) {
                double[] all = LogRows.logSoftmax(SelectionScriptTest.widened(logits[row]));
                int[] order = LogRows.order(all);
                double tail = Math.exp(LogRows.logTail(all, order, kind.head()));
                for (int place = 0; place < VOCABULARY; place++) {
                    double probability = Math.exp(all[order[place]]);
                    double share = probability / tail;
                    double error = place < kind.head()
                            ? 0
                            : tail * Math.sqrt(share * (1 - share) / ((double) SEEDS * kind.draws()));
                    // The rarest ids are drawn once or never: a count of 1 lies several of their deviations off.
                    assertThat(sums[row][order[place]] / SEEDS)
                            .as("%s, row %d, place %d", kind, row, place)
                            .isBetween(
                                    probability - BOUND * error - 1e-6,
                                    probability + BOUND * error + 1e-6 + 4 * tail / ((double) SEEDS * kind.draws()));
                }
            }
        }
    }

    @Test
    void draws_manyTinyIdsBehindOneLarge_areDrawnAtTheirRateEach() {
        float[] row = new float[120_000];
        Arrays.fill(row, (float) Math.log(3e-9)); // of 40 such ids, a sum in 32 bits would give all the width to one
        row[0] = (float) Math.log(1 - 3.6e-4);
        float[][] logits = new float[12][];
        Arrays.fill(logits, row);
        int draws = Selection.MAX_DRAWS;
        RowColumns rows =
                script.rows(logits, RowContent.of(new Selection.Draws(draws, 0, 3, List.of())), item(logits.length, 3));
        long tiny = 0;
        long lastHalf = 0;
        Set<Integer> distinct = new HashSet<>();
        for (int r = 0; r < rows.rows(); r++) {
            assertThat(rows.ids()[r * rows.stride()]).isZero();
            for (int i = r * rows.stride() + 1; i < r * rows.stride() + rows.counts()[r]; i++) {
                tiny += rows.drawCounts()[i];
                lastHalf += rows.ids()[i] >= 60_000 ? rows.drawCounts()[i] : 0;
                distinct.add(rows.ids()[i]);
            }
        }
        double expected = 3.6e-4 * draws * logits.length; // 283
        assertThat((tiny - expected) / Math.sqrt(expected)).isBetween(-BOUND, BOUND);
        assertThat((lastHalf - expected / 2) / Math.sqrt(expected / 2)).isBetween(-BOUND, BOUND);
        assertThat(tiny - distinct.size())
                .as("ids drawn again, of which 0.3 are expected")
                .isLessThan(5);
    }

    @Test
    void draws_tailFarBelowTheHead_areStillDrawnFromIt() {
        float[][] logits = {{300, 0, 1, 2}, {0, -50, -50, -250}, {90, 90, -90, -90}};
        RowColumns rows = script.rows(logits, RowContent.of(new Selection.Draws(400, 1, 9, List.of())), item(3, 9));
        for (int row = 0; row < 3; row++) {
            double[] all = LogRows.logSoftmax(SelectionScriptTest.widened(logits[row]));
            double tail = LogRows.logTail(all, LogRows.order(all), rows.counts()[row]);
            if (rows.counts()[row] == all.length) {
                assertThat(rows.logTailMass()[row]).isEqualTo(Float.NEGATIVE_INFINITY);
            } else {
                assertThat((double) rows.logTailMass()[row]).isCloseTo(tail, within(1e-4));
            }
        }
        assertThat(Arrays.copyOf(rows.ids(), rows.counts()[0])).containsExactly(0, 3, 2, 1);
        assertThat(rows.drawCounts()[1]).isBetween(230, 300); // e²/(1 + e + e²) = .665 of 400
        assertThat(rows.counts()[1]).isEqualTo(3); // the fourth id is e^-200 beside its neighbours
        assertThat(rows.drawCounts()[rows.stride() + 1]).isBetween(160, 240);
        assertThat(rows.ids()[2 * rows.stride() + 1]).isEqualTo(1);
        assertThat(rows.drawCounts()[2 * rows.stride() + 1]).isEqualTo(400);
    }

    private static double outsideTheHead(RowColumns rows, int row) {
        double mass = Math.exp(rows.logTailMass()[row]);
        for (int i = row * rows.stride(); i < row * rows.stride() + rows.counts()[row]; i++) {
            mass += rows.drawCounts()[i] > 0 ? Math.exp(rows.logProbabilities()[i]) : 0;
        }
        return mass;
    }

    @Test
    void draws_headOfTheWholeVocabulary_keepsItAndDrawsNothing() {
        RowColumns rows = script.rows(
                new float[][] {{1, 3, 2}}, RowContent.of(new Selection.Draws(9, 3, 1, List.of())), item(1, 1));
        assertThat(rows.ids()).containsExactly(1, 2, 0);
        assertThat(rows.drawCounts()).containsExactly(0, 0, 0);
        assertThat(rows.logTailMass()).containsExactly(Float.NEGATIVE_INFINITY);
    }

    @Test
    void draws_moreOfThem_beginWithTheSame() {
        float[][] logits = normalRows(4, VOCABULARY, 2, 8);
        RowColumns few = script.rows(logits, RowContent.of(new Selection.Draws(10, 0, 4, List.of())), item(4, 4));
        RowColumns many = script.rows(logits, RowContent.of(new Selection.Draws(40, 0, 4, List.of())), item(4, 4));
        for (int row = 0; row < 4; row++) {
            int[] fewCounts = counts(few, row);
            int[] manyCounts = counts(many, row);
            assertThat(Arrays.stream(fewCounts).sum()).isEqualTo(10);
            assertThat(Arrays.stream(manyCounts).sum()).isEqualTo(40);
            for (int id = 0; id < VOCABULARY; id++) {
                assertThat(manyCounts[id]).isGreaterThanOrEqualTo(fewCounts[id]);
            }
        }
    }

    @Test
    void draws_equalRowsOfLogits_dependOnSeedPrefixAndPosition() {
        float[][] logits = new float[3][];
        Arrays.fill(logits, normalRows(1, VOCABULARY, 1, 9)[0]);
        ScoreItem item = new ScoreItem(new int[] {5, 5, 5, 8}, new int[] {0, 1, 3});
        RowContent selection = RowContent.of(new Selection.Draws(30, 0, 11, List.of()));
        RowColumns rows = script.rows(logits, selection, item);
        RowColumns otherSeed = script.rows(logits, RowContent.of(new Selection.Draws(30, 0, 12, List.of())), item);
        RowColumns otherEnd = script.rows(logits, selection, new ScoreItem(new int[] {5, 5, 6, 8}, item.positions()));
        assertThat(counts(rows, 0)).isNotEqualTo(counts(rows, 1)).isNotEqualTo(counts(otherSeed, 0));
        assertThat(counts(rows, 1)).isEqualTo(counts(otherEnd, 1));
        assertThat(counts(rows, 2)).isNotEqualTo(counts(otherEnd, 2));
    }

    @Test
    void keys_positionsInAnySlice_areThoseOfTheWholePrefix() {
        int[] tokens = new Random(2).ints(40, 0, 1 << 20).toArray();
        long[] all = DrawKeys.of(tokens, IntStream.range(0, 40).toArray(), -7);
        int[] some = {0, 7, 8, 39};
        long[] slice = DrawKeys.of(tokens, some, -7);
        for (int i = 0; i < some.length; i++) {
            assertThat(Arrays.copyOfRange(slice, 2 * i, 2 * i + 2))
                    .isEqualTo(Arrays.copyOfRange(all, 2 * some[i], 2 * some[i] + 2))
                    .isEqualTo(ExpectedRow.key(tokens, some[i], -7));
        }
    }

    private static int[] counts(RowColumns rows, int row) {
        int[] counts = new int[VOCABULARY];
        for (int i = row * rows.stride(); i < row * rows.stride() + rows.counts()[row]; i++) {
            counts[rows.ids()[i]] = rows.drawCounts()[i];
        }
        return counts;
    }
}
