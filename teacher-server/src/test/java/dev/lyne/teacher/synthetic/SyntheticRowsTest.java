package dev.lyne.teacher.synthetic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every selection is answered from one distribution a row, which everything can be recomputed from. */
final class SyntheticRowsTest {
    private static final int V = 211;
    private static final int[] TOKENS = new SplittableRandom(5).ints(24, 0, V).toArray();
    private static final int[] POSITIONS = {0, 3, 4, 11, 22, 23};

    private final SyntheticRows rows = new SyntheticRows(V, 7);
    private final RowColumns whole = rows.of(item(), RowContent.topK(V));

    private static ScoreItem item() {
        return new ScoreItem(TOKENS, POSITIONS);
    }

    private float[] byToken(int row) {
        float[] logProbabilities = new float[V];
        for (int i = row * V; i < (row + 1) * V; i++) {
            logProbabilities[whole.ids()[i]] = whole.logProbabilities()[i];
        }
        return logProbabilities;
    }

    @Test
    void of_everyToken_isADistributionInDescendingOrder() {
        for (int r = 0; r < POSITIONS.length; r++) {
            double mass = 0;
            Set<Integer> seen = new HashSet<>();
            for (int i = r * V; i < (r + 1) * V; i++) {
                mass += Math.exp(whole.logProbabilities()[i]);
                seen.add(whole.ids()[i]);
                if (i > r * V) {
                    assertThat(whole.logProbabilities()[i]).isLessThan(whole.logProbabilities()[i - 1]);
                }
            }
            assertThat(mass).isEqualTo(1, within(1e-5));
            assertThat(seen).hasSize(V);
            assertThat(whole.logTailMass()[r]).isEqualTo(Float.NEGATIVE_INFINITY);
        }
    }

    @Test
    void of_dataToken_hasItsLogProbabilityAndNoneAfterTheLast() {
        for (int r = 0; r < POSITIONS.length - 1; r++) {
            assertThat(whole.labelLogProbability()[r]).isEqualTo(byToken(r)[TOKENS[POSITIONS[r] + 1]]);
        }
        assertThat(whole.labelLogProbability()[POSITIONS.length - 1]).isNaN();
    }

    @Test
    void of_laterTokensAndOtherPositions_changeNothing() {
        int[] other = TOKENS.clone();
        other[12] = (other[12] + 1) % V;
        RowColumns all = rows.of(new ScoreItem(other, IntStream.range(0, 24).toArray()), RowContent.topK(9));
        RowColumns some = rows.of(item(), RowContent.topK(9));
        assertThat(ids(all, 11)).isEqualTo(ids(some, 3));
        assertThat(ids(all, 22)).isNotEqualTo(ids(some, 4));
        RowColumns otherSeed = new SyntheticRows(V, 8).of(item(), RowContent.topK(9));
        assertThat(ids(otherSeed, 0)).isNotEqualTo(ids(some, 0));
    }

    private static List<Integer> ids(RowColumns rows, int row) {
        return IntStream.range(row * rows.stride(), row * rows.stride() + rows.counts()[row])
                .mapToObj(i -> rows.ids()[i])
                .toList();
    }

    @Test
    void of_topP_keepsTheSmallestSufficientPrefix() {
        RowColumns kept = rows.of(item(), RowContent.of(new Selection.TopPK(0.8, 40, 1f, List.of())));
        for (int r = 0; r < POSITIONS.length; r++) {
            double mass = 0;
            int count = 0;
            while (count < 40 && mass < 0.8 - 1e-12) {
                mass += Math.exp(whole.logProbabilities()[r * V + count++]);
            }
            assertThat(kept.counts()[r]).isEqualTo(count);
            assertThat(Math.exp(kept.logTailMass()[r])).isEqualTo(1 - mass, within(1e-5));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 5})
    void of_draws_countsWhatWasDrawnAndKeepsTheHead(int head) {
        RowColumns drawn = rows.of(item(), RowContent.of(new Selection.Draws(4_000, head, 3, List.of())));
        for (int r = 0; r < POSITIONS.length; r++) {
            float[] expected = byToken(r);
            double headMass = 0;
            for (int i = 0; i < head; i++) {
                headMass += Math.exp(whole.logProbabilities()[r * V + i]);
            }
            int draws = 0;
            double mass = 0;
            for (int i = 0; i < drawn.counts()[r]; i++) {
                int at = r * drawn.stride() + i;
                double p = Math.exp(expected[drawn.ids()[at]]);
                assertThat(drawn.logProbabilities()[at]).isEqualTo(expected[drawn.ids()[at]]);
                mass += p;
                draws += drawn.drawCounts()[at];
                if (i < head) {
                    assertThat(drawn.drawCounts()[at]).isZero();
                } else {
                    double share = p / (1 - headMass);
                    assertThat((double) drawn.drawCounts()[at])
                            .isEqualTo(4_000 * share, within(6 * Math.sqrt(4_000 * share) + 2));
                }
            }
            assertThat(draws).isEqualTo(4_000);
            assertThat(Math.exp(drawn.logTailMass()[r])).isEqualTo(1 - mass, within(1e-5));
        }
    }

    @Test
    void of_chosenIds_haveTheirLogProbabilitiesInDescendingOrder() {
        int[][] chosen = {{7, 3, 200}, {}, {1}, {0, 1, 2}, {210, 5}, {9, 8, 7}};
        RowColumns named =
                rows.of(new ScoreItem(TOKENS, POSITIONS, chosen), RowContent.of(new Selection.Chosen(3, List.of())));
        for (int r = 0; r < POSITIONS.length; r++) {
            float[] expected = byToken(r);
            assertThat(ids(named, r))
                    .containsExactlyInAnyOrderElementsOf(
                            java.util.Arrays.stream(chosen[r]).boxed().toList());
            double mass = 0;
            for (int i = 0; i < named.counts()[r]; i++) {
                assertThat(named.logProbabilities()[r * 3 + i]).isEqualTo(expected[named.ids()[r * 3 + i]]);
                mass += Math.exp(named.logProbabilities()[r * 3 + i]);
            }
            assertThat(Math.exp(named.logTailMass()[r])).isEqualTo(1 - mass, within(1e-5));
        }
    }

    @Test
    void of_temperaturesAndLogits_agreeWithTheDistribution() {
        RowColumns rich = rows.of(item(), new RowContent(new Selection.TopK(8, List.of(2f, 0.5f)), true));
        for (int r = 0; r < POSITIONS.length; r++) {
            for (int i = 0; i < 2; i++) {
                double temperature = i == 0 ? 2 : 0.5;
                double sum = 0;
                for (float logProbability : byToken(r)) {
                    sum += Math.exp(logProbability / temperature);
                }
                assertThat((double) rich.temperatureOffsets()[r * 2 + i]).isEqualTo(-Math.log(sum), within(1e-4));
            }
            assertThat(rich.logits()[r * 8 + 3] - rich.logSumExp()[r])
                    .isEqualTo(rich.logProbabilities()[r * 8 + 3], within(1e-5f));
        }
    }

    @Test
    void of_labelOnly_keepsNothing() {
        RowColumns none = rows.of(item(), RowContent.of(new Selection.LabelOnly(List.of())));
        assertThat(none.counts()).containsOnly(0);
        assertThat(none.logTailMass()).containsOnly(0f);
        assertThat(none.labelLogProbability()[0]).isEqualTo(whole.labelLogProbability()[0]);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 64, 211, 32_768, 50_257})
    void permutation_everySize_isABijectionAndUndone(int size) {
        var permutation = new Permutation(size, 12_345);
        boolean[] hit = new boolean[size];
        for (int rank = 0; rank < size; rank++) {
            int token = permutation.token(rank);
            assertThat(hit[token]).isFalse();
            hit[token] = true;
            assertThat(permutation.rank(token)).isEqualTo(rank);
        }
    }
}
