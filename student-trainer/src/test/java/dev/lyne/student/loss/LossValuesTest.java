package dev.lyne.student.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.lyne.student.loss.BucketReference.Row;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Known values, and what holds for whole families of losses. */
final class LossValuesTest {
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

    @ParameterizedTest
    @CsvSource({
        "FORWARD_KL, 4, .6292863690",
        "REVERSE_KL, 4, .6774912020",
        "JSD, 4, .1415480206",
        "TOTAL_VARIATION, 4, .4334727617",
        "FORWARD_KL, 1, .3769642150",
        "REVERSE_KL, 1, .3120000360",
        "JSD, 1, .0741250100",
        "FORWARD_KL, 3, .6292863690",
        "REVERSE_KL, 3, .6774912020",
        "JSD, 3, .1415480206",
        "TOTAL_VARIATION, 3, .4334727617",
    })
    void loss_goldenRows_givesTheKnownMeans(BuiltInLoss loss, int k, double mean) {
        assertThat(value(DistillationLoss.of(loss), STUDENT, TEACHER, k) / 8).isEqualTo(mean, within(1e-6));
    }

    @ParameterizedTest
    @EnumSource(
            value = BuiltInLoss.class,
            names = {"FORWARD_KL", "REVERSE_KL", "JSD", "SKEW_FORWARD_KL", "SKEW_REVERSE_KL", "TOTAL_VARIATION"})
    void loss_growingNestedIds_neverFallsAndReachesTheWhole(BuiltInLoss loss) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        double[][] student = {random.doubles(30, -4, 4).toArray()};
        double[][] teacher = {random.doubles(30, -4, 4).toArray()};
        double before = 0;
        for (int k = 1; k <= 30; k++) {
            double now = value(DistillationLoss.of(loss), student, teacher, k);
            assertThat(now).as("k " + k + ", seed " + seed).isGreaterThanOrEqualTo(before - 1e-12);
            before = k == 29 ? now - 1e-12 : now;
        }
        DistillationLoss alone = new DistillationLoss(
                loss, Optional.of(MissingMass.BOTH_RENORMALISED), OptionalDouble.empty(), false, 1, true);
        assertThat(value(alone, student, teacher, 30)).as("seed " + seed).isEqualTo(before, within(1e-10));
        assertThat(value(DistillationLoss.of(loss), student, teacher, 29))
                .as("seed " + seed)
                .isEqualTo(before, within(1e-10));
    }

    @ParameterizedTest
    @CsvSource({"1, .3769642150", "3, .6292863690", "4, .6292863690"})
    void decoupledTopK_temperatureOne_isForwardKlOfTheBuckets(int k, double mean) {
        assertThat(value(DistillationLoss.of(BuiltInLoss.DECOUPLED_TOP_K), STUDENT, TEACHER, k) / 8)
                .isEqualTo(mean, within(1e-6));
    }

    @Test
    void slim_bothRatios_giveTheKnownWeights() {
        double[] teacher = {Math.log(.9), Math.log(.1)};
        double[] student = {Math.log(.3), Math.log(.7)};
        double plain = value(DistillationLoss.of(BuiltInLoss.SOFT_CROSS_ENTROPY), one(student), one(teacher), 2);
        assertThat(value(slim(1), one(student), one(teacher), 2) / plain).isEqualTo(.950213, within(1e-6));
        assertThat(value(slim(-1), one(student), one(teacher), 2) / plain).isEqualTo(.283469, within(1e-6));
    }

    private static DistillationLoss slim(double ratio) {
        return new DistillationLoss(BuiltInLoss.SLIM, Optional.empty(), OptionalDouble.of(ratio), false, 1, true);
    }

    @ParameterizedTest
    @EnumSource(
            value = BuiltInLoss.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"MSE_LOGITS", "RANDOM_SAMPLING"})
    void loss_tailOfAMillionth_keepsItsPrecisionInSinglePrecision(BuiltInLoss loss) {
        assertSingleEqualsWide(loss, peaked(-20), 1e-5);
    }

    @ParameterizedTest
    @EnumSource(
            value = BuiltInLoss.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"MSE_LOGITS", "RANDOM_SAMPLING"})
    void loss_tailBelowTheRangeOfAFloat_staysFiniteAndRight(BuiltInLoss loss) {
        assertSingleEqualsWide(loss, peaked(-130), 1e-5);
    }

    @ParameterizedTest
    @EnumSource(
            value = BuiltInLoss.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"MSE_LOGITS", "RANDOM_SAMPLING"})
    void loss_keptIdsThatTheStudentRulesOut_staysFiniteAndRight(BuiltInLoss loss) {
        double[] logits = peaked(-3);
        logits[3] = -140;
        logits[5] = -150;
        assertSingleEqualsWide(loss, logits, 1e-5);
    }

    @Test
    void reverseKl_teachersTailOfNothing_isFinite() {
        Row row = new Row(new int[] {3, 5}, new double[] {Math.log(.6), Math.log(.4)}, Double.NEGATIVE_INFINITY);
        LossBatch batch = batch(peaked(-3), row);
        LossBatch.Result result = batch.run(DistillationLoss.of(BuiltInLoss.REVERSE_KL), DataType.FLOAT32);
        assertThat(result.sums()[0]).isBetween(1.0, 100.0);
        assertThat(Arrays.stream(result.gradient()[0]).allMatch(Double::isFinite))
                .isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "REVERSE_KL|ZERO|false|missing_mass: zero with loss=reverse_kl (expected: tail_bucket, both_renormalised)",
                "JSD|RENORMALISED|false|missing_mass: renormalised with loss=jsd (expected: tail_bucket, both_renormalised)",
                "TAID|UNIFORM|false|missing_mass: uniform with loss=taid (expected: tail_bucket, both_renormalised)",
                "AKL|RESIDUAL_TO_GOLD|false|missing_mass: residual_to_gold with loss=akl (expected: tail_bucket,"
                        + " both_renormalised)",
                "MSE_LOGITS|TAIL_BUCKET|false|missing_mass: tail_bucket with loss=mse_logits (expected: none given, as no"
                        + " mass is missing)",
                "FORWARD_KL|TAIL_BUCKET|true|missing_mass: tail_bucket with loss=forward_kl on draws (expected: none given,"
                        + " as no mass is missing)",
                "REVERSE_KL||true|loss: reverse_kl on draws, where it is biased (expected: one of forward_kl,"
                        + " soft_cross_entropy, random_sampling)",
                "SLIM||true|loss: slim on draws, where it is biased (expected: one of forward_kl, soft_cross_entropy,"
                        + " random_sampling)",
                "MSE_LOGITS||true|loss: mse_logits on draws, where it is biased (expected: one of forward_kl,"
                        + " soft_cross_entropy, random_sampling)",
                "RANDOM_SAMPLING||false|loss: random_sampling without draws (expected: a selection that draws)",
            })
    void of_impossiblePair_isRefusedByName(BuiltInLoss loss, MissingMass missing, boolean drawn, String message) {
        assertThatThrownBy(() -> new DistillationLoss(
                        loss, Optional.ofNullable(missing), OptionalDouble.empty(), drawn, 1, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }

    @Test
    void of_numberOutOfRange_isRefused() {
        assertThatThrownBy(() -> number(BuiltInLoss.JSD, 1.5))
                .hasMessage("loss_parameter: 1.5 with loss=jsd (expected: beta, 0.0 to 1.0)");
        assertThatThrownBy(() -> number(BuiltInLoss.SLIM, 0.5))
                .hasMessage("loss_parameter: 0.5 with loss=slim (expected: ratio, 1 or -1)");
        assertThatThrownBy(() -> number(BuiltInLoss.FORWARD_KL, 0.5))
                .hasMessage("loss_parameter: 0.5 with loss=forward_kl (expected: none given, as it takes no number)");
        assertThatThrownBy(() -> new DistillationLoss(
                        BuiltInLoss.FORWARD_KL, Optional.empty(), OptionalDouble.empty(), false, -1, true))
                .hasMessage("student_temperature: -1.0 (expected: finite, above 0)");
        assertThatThrownBy(() -> Loss.of("kl")).hasMessageStartingWith("loss: kl (expected: forward_kl, reverse_kl, ");
        assertThatThrownBy(() -> MissingMass.of("tail"))
                .hasMessage("missing_mass: tail (expected: tail_bucket, renormalised, zero, both_renormalised, uniform,"
                        + " residual_to_gold)");
    }

    private static DistillationLoss number(BuiltInLoss loss, double number) {
        return new DistillationLoss(loss, Optional.empty(), OptionalDouble.of(number), false, 1, true);
    }

    private static double[] peaked(double others) {
        double[] logits = new double[1000];
        Arrays.fill(logits, others);
        logits[3] = 0.5;
        logits[5] = 0;
        return logits;
    }

    private static LossBatch batch(double[] logits, Row row) {
        double[] teacher = new double[logits.length];
        return new LossBatch(
                one(logits),
                new int[] {3},
                new Row[] {row},
                one(new double[0]),
                one(teacher),
                new double[1],
                new double[] {1},
                0.4);
    }

    private static void assertSingleEqualsWide(BuiltInLoss loss, double[] logits, double tolerance) {
        Row row = new Row(new int[] {3, 5}, new double[] {Math.log(.6), Math.log(.3)}, Math.log(.1));
        LossBatch batch = batch(logits, row);
        DistillationLoss what = DistillationLoss.of(loss);
        LossBatch.Result narrow = batch.run(what, DataType.FLOAT32);
        LossBatch.Result wide = batch.run(what, DataType.FLOAT64);
        double expected = LossReference.divergence(what, batch, 0, logits, logits);
        assertThat(wide.sums()[0]).isEqualTo(expected, within(1e-9 * (1 + Math.abs(expected))));
        assertThat(narrow.sums()[0]).isEqualTo(expected, within(tolerance * Math.abs(expected) + 5e-7));
        assertThat(narrow.gradient()[0]).containsExactly(wide.gradient()[0], within(2e-5 * (1 + Math.abs(expected))));
    }

    private static double[][] one(double[] row) {
        return new double[][] {row};
    }

    private static double value(DistillationLoss loss, double[][] student, double[][] teacher, int k) {
        Row[] rows = Arrays.stream(teacher).map(t -> Row.topK(t, k)).toArray(Row[]::new);
        int n = student.length;
        LossBatch batch = new LossBatch(
                student, new int[n], rows, new double[n][0], teacher, new double[n], LossBatch.filled(n, 1), 0.4);
        return batch.run(loss, DataType.FLOAT64).sums()[0];
    }
}
