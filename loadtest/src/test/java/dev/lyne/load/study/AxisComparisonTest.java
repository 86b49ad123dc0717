package dev.lyne.load.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AxisComparisonTest {
    /** Critical values of printed tables, and the two closed forms. */
    @ParameterizedTest
    @CsvSource({
        "12.7062047, 1, 0.05",
        "4.30265273, 2, 0.05",
        "2.22813885, 10, 0.05",
        "3.16927267, 10, 0.01",
        "1.9720175, 198, 0.05",
        "0, 7, 1"
    })
    void twoSided_criticalValue_hasItsProbability(double t, int freedom, double probability) {
        assertThat(StudentT.twoSided(t, freedom)).isEqualTo(probability, within(2e-6));
        assertThat(StudentT.twoSided(-t, freedom)).isEqualTo(probability, within(2e-6));
    }

    @Test
    void of_twoGroups_countsTheirComparisonsTogether() {
        AxisComparison.Group one =
                new AxisComparison.Group(List.of(new double[] {1, 2, 3}, new double[] {1.5, 2.4, 3.6}), 0);
        AxisComparison.Group two =
                new AxisComparison.Group(List.of(new double[] {5, 5, 6}, new double[] {5.1, 4.8, 6.1}), 0);
        AxisComparison.Row alone = AxisComparison.of(one.values(), 0).get(1);
        AxisComparison.Row together =
                AxisComparison.of(List.of(one, two)).get(0).get(1);
        assertThat(together.difference()).isEqualTo(alone.difference());
        assertThat(together.probability())
                .as("the less probable of two")
                .isEqualTo(Math.min(1, 2 * alone.probability()));
        assertThat(together.detectable()).isGreaterThan(alone.detectable());
    }

    @Test
    void twoSided_oneAndTwoDegreesOfFreedom_areTheClosedForms() {
        for (double t : new double[] {0.1, 0.7, 1.5, 3, 20, 1000}) {
            assertThat(StudentT.twoSided(t, 1)).isEqualTo(1 - 2 / Math.PI * Math.atan(t), within(1e-12));
            assertThat(StudentT.twoSided(t, 2)).isEqualTo(1 - t / Math.sqrt(2 + t * t), within(1e-12));
        }
    }

    /** Of two points the pooled test is the paired t test. */
    @Test
    void of_twoPoints_isThePairedTest() {
        double[] baseline = {3.1, 3.4, 2.9, 3.3};
        double[] other = {3.0, 3.2, 2.8, 3.25};
        double[] differences = {-0.1, -0.2, -0.1, -0.05};
        double mean = -0.1125;
        double squares =
                Arrays.stream(differences).map(d -> (d - mean) * (d - mean)).sum();
        double t = mean / Math.sqrt(squares / 3 / 4);
        List<AxisComparison.Row> rows = AxisComparison.of(List.of(baseline, other), 0);
        assertThat(rows.get(1).difference()).isEqualTo(mean, within(1e-12));
        assertThat(rows.get(1).probability()).isEqualTo(StudentT.twoSided(t, 3), within(1e-9));
        assertThat(rows.get(0).probability()).isNaN();
        assertThat(rows.get(0).spread()).isEqualTo(0.22174, within(1e-5));
        // 3.182446 is the printed critical value of t with 3 degrees of freedom at 0.05.
        assertThat(rows.get(1).detectable()).isEqualTo(3.182446 * mean / t, within(1e-6));
    }

    @Test
    void verdict_differenceThatCannotBeTold_namesTheSmallestThatCould() {
        Study.Axis axis = new Study.Axis("k", "K", "k", "", "base", List.of(StudyMetric.NLL), List.of());
        Study.Point point = new Study.Point("4", "", "4", "", List.of());
        assertThat(StudyFigures.verdict(
                        axis, point, new AxisComparison.Row(new double[] {3}, 3, 0.1, 0.05, 0.5, 0.1312)))
                .isEqualTo("cannot tell (below 0.13)");
        assertThat(StudyFigures.verdict(
                        axis, point, new AxisComparison.Row(new double[] {3}, 3, 0.1, 0.2, 0.01, 0.1312)))
                .isEqualTo("higher");
    }

    @Test
    void critical_ofAProbability_hasThatProbability() {
        for (int freedom : new int[] {1, 2, 12, 200}) {
            for (double probability : new double[] {0.9, 0.05, 0.05 / 7}) {
                assertThat(StudentT.twoSided(StudentT.critical(probability, freedom), freedom))
                        .isEqualTo(probability, within(1e-9));
            }
        }
    }

    @Test
    void of_severalPoints_raisesProbabilitiesByHolm() {
        Random random = new Random(4);
        List<double[]> values = new ArrayList<>();
        for (double effect : new double[] {0, 0.001, -0.5, 0.3}) {
            values.add(random.doubles(3, -0.02, 0.02)
                    .map(noise -> 3 + effect + noise)
                    .toArray());
        }
        List<AxisComparison.Row> rows = AxisComparison.of(values, 0);
        assertThat(rows.get(1).isDistinguishable()).isFalse();
        assertThat(rows.get(2).isDistinguishable()).isTrue();
        assertThat(rows.get(3).isDistinguishable()).isTrue();
        double alone = AxisComparison.of(List.of(values.get(0), values.get(2)), 0)
                .get(1)
                .difference();
        assertThat(rows.get(2).difference()).isEqualTo(alone, within(1e-12));
        assertThat(rows.get(2).probability()).isLessThanOrEqualTo(rows.get(3).probability());
        assertThat(rows.get(3).probability()).isLessThanOrEqualTo(rows.get(1).probability());
    }

    /** Where nothing differs, a study says so in 95 of 100 cases at least. */
    @Test
    void of_nothingButNoise_isSeldomDistinguishable() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int wrong = 0;
        for (int study = 0; study < 400; study++) {
            double[] ofSeed = random.doubles(3, -0.2, 0.2).toArray();
            List<double[]> values = new ArrayList<>();
            for (int point = 0; point < 6; point++) {
                double[] own = new double[3];
                Arrays.setAll(own, s -> 3 + ofSeed[s] + 0.01 * random.nextGaussian());
                values.add(own);
            }
            wrong += AxisComparison.of(values, 0).stream().anyMatch(AxisComparison.Row::isDistinguishable) ? 1 : 0;
        }
        assertThat(wrong).as("of 400, seed %d", seed).isLessThan(45);
    }

    @Test
    void of_oneSeed_cannotTell() {
        List<AxisComparison.Row> rows = AxisComparison.of(List.of(new double[] {1}, new double[] {2}), 0);
        assertThat(rows.get(1).probability()).isNaN();
        assertThat(rows.get(1).isDistinguishable()).isFalse();
    }
}
