package dev.lyne.load.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class TruncationBenchmarkTest {
    private static final int VOCABULARY = 12;

    private static double[] logSoftmax(double[] logits) {
        double sum = Math.log(Arrays.stream(logits).map(Math::exp).sum());
        return Arrays.stream(logits).map(z -> z - sum).toArray();
    }

    private static double divergence(double[] logits, double[] teacher, int[] order, int k) {
        return TruncationBenchmark.truncated(logSoftmax(logits), teacher, order, k, new double[VOCABULARY]);
    }

    @Test
    void truncated_anyOrder_growsWithKToTheWholeAndHasItsSlope() {
        Random random = new Random(5);
        for (int round = 0; round < 20; round++) {
            double[] logits = random.doubles(VOCABULARY, -3, 3).toArray();
            double[] teacher = logSoftmax(random.doubles(VOCABULARY, -3, 3).toArray());
            double[] student = logSoftmax(logits);
            int[] order = IntStream.range(0, VOCABULARY).toArray();
            double whole = IntStream.range(0, VOCABULARY)
                    .mapToDouble(id -> Math.exp(student[id]) * (student[id] - teacher[id]))
                    .sum();
            double before = 0;
            for (int k = 1; k <= VOCABULARY; k++) {
                double[] gradient = new double[VOCABULARY];
                double found = TruncationBenchmark.truncated(student, teacher, order, k, gradient);
                assertThat(found).as("k " + k).isBetween(before - 1e-12, whole + 1e-12);
                before = found;
                for (int id = 0; id < VOCABULARY; id++) {
                    double[] moved = logits.clone();
                    moved[id] += 1e-5;
                    double above = divergence(moved, teacher, order, k);
                    moved[id] -= 2e-5;
                    double slope = (above - divergence(moved, teacher, order, k)) / 2e-5;
                    assertThat(gradient[id]).as("k " + k + ", id " + id).isEqualTo(slope, within(1e-8));
                }
            }
            assertThat(divergence(logits, teacher, order, VOCABULARY - 1)).isEqualTo(whole, within(1e-12));
        }
    }
}
