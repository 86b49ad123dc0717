package dev.lyne.student.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every valid pair of loss and treatment of missing mass, against the definition and its finite differences. */
final class LossGradientTest {
    private static final double STEP = 1e-5;

    /** Every valid pair, with the ends and the middle of a loss's number. */
    static Stream<DistillationLoss> valid() {
        List<DistillationLoss> all = new ArrayList<>();
        for (BuiltInLoss loss : BuiltInLoss.values()) {
            for (OptionalDouble number : numbers(loss)) {
                for (MissingMass missing : loss.treatments()) {
                    all.add(new DistillationLoss(loss, Optional.of(missing), number, false, 1, true));
                }
                if (loss.treatments().isEmpty() && !loss.needsDraws()) {
                    all.add(new DistillationLoss(loss, Optional.empty(), number, false, 1, true));
                }
                if (loss.takesDraws()) {
                    all.add(new DistillationLoss(loss, Optional.empty(), number, true, 1, true));
                }
            }
        }
        return all.stream();
    }

    /** The same, and each at other temperatures of the student. */
    static Stream<DistillationLoss> validAtTemperatures() {
        return valid().flatMap(loss -> Stream.of(loss, at(loss, 2, true), at(loss, 0.5, false)));
    }

    private static DistillationLoss at(DistillationLoss loss, double temperature, boolean squared) {
        return new DistillationLoss(loss.loss(), loss.missing(), loss.parameter(), loss.drawn(), temperature, squared);
    }

    private static List<OptionalDouble> numbers(BuiltInLoss loss) {
        return switch (loss) {
            case JSD ->
                List.of(OptionalDouble.of(0.5), OptionalDouble.of(0.2), OptionalDouble.of(0), OptionalDouble.of(1));
            case SKEW_FORWARD_KL, SKEW_REVERSE_KL ->
                List.of(OptionalDouble.of(0.1), OptionalDouble.of(0.6), OptionalDouble.of(0));
            case DECOUPLED_TOP_K, DECOUPLED_TOP_K_UNWEIGHTED ->
                List.of(OptionalDouble.of(1), OptionalDouble.of(2), OptionalDouble.of(0.5));
            case SLIM -> List.of(OptionalDouble.of(1), OptionalDouble.of(-1));
            default -> List.of(OptionalDouble.empty());
        };
    }

    private static long seed(DistillationLoss loss) {
        return loss.loss() == BuiltInLoss.TOTAL_VARIATION
                ? 5
                : System.nanoTime(); // its kinks are no place for differences
    }

    @ParameterizedTest
    @MethodSource("validAtTemperatures")
    void loss_validPair_equalsItsDefinitionAndFiniteDifferences(DistillationLoss loss) {
        long seed = seed(loss);
        LossBatch batch = LossBatch.random(new Random(seed), 7, 11, loss.drawn());
        LossBatch.Result result = batch.run(loss, DataType.FLOAT64);
        double whole = 0;
        double divergences = 0;
        double crossEntropies = 0;
        for (int i = 0; i < batch.size(); i++) {
            double[] z = batch.logits()[i];
            whole += LossReference.loss(loss, batch, i, z, z);
            crossEntropies += BucketReference.crossEntropy(z, batch.labels()[i]);
            divergences += batch.weights()[i] == 0 ? 0 : LossReference.divergence(loss, batch, i, z, z);
            for (int j = 0; j < z.length; j++) {
                double[] above = z.clone();
                double[] below = z.clone();
                above[j] += STEP;
                below[j] -= STEP;
                double slope =
                        (LossReference.loss(loss, batch, i, above, z) - LossReference.loss(loss, batch, i, below, z))
                                / (2 * STEP);
                assertThat(result.gradient()[i][j])
                        .as("row " + i + ", id " + j + ", seed " + seed)
                        .isEqualTo(slope, within(1e-8 * (1 + Math.abs(slope))));
            }
        }
        assertThat(result.sums()[0]).as("loss, seed " + seed).isEqualTo(whole, within(1e-9));
        assertThat(result.sums()[1]).as("nll, seed " + seed).isEqualTo(crossEntropies, within(1e-9));
        assertThat(result.sums()[2]).as("divergence, seed " + seed).isEqualTo(divergences, within(1e-9));
    }

    @ParameterizedTest
    @MethodSource("valid")
    void loss_validPair_gradientsSumToZeroAndSinglePrecisionIsClose(DistillationLoss loss) {
        long seed = seed(loss);
        LossBatch batch = LossBatch.random(new Random(seed), 16, 200, loss.drawn());
        LossBatch.Result wide = batch.run(loss, DataType.FLOAT64);
        LossBatch.Result narrow = batch.run(loss, DataType.FLOAT32);
        for (int i = 0; i < batch.size(); i++) {
            assertThat(Arrays.stream(wide.gradient()[i]).sum())
                    .as("row " + i + ", seed " + seed)
                    .isEqualTo(0, within(1e-12));
            assertThat(narrow.gradient()[i])
                    .as("row " + i + ", seed " + seed)
                    .containsExactly(wide.gradient()[i], within(4e-5));
        }
        for (int term = 0; term < 3; term++) {
            assertThat(narrow.sums()[term])
                    .as("seed " + seed)
                    .isEqualTo(wide.sums()[term], within(1e-4 * (1 + Math.abs(wide.sums()[term]))));
        }
    }

    @ParameterizedTest
    @MethodSource("valid")
    void loss_allRowsMasked_isZeroAndSoIsItsGradient(DistillationLoss loss) {
        LossBatch batch = LossBatch.random(new Random(3), 5, 9, loss.drawn()).weighted(0, 0);
        LossBatch.Result result = batch.run(loss, DataType.FLOAT32);
        assertThat(result.sums()[0]).isZero();
        assertThat(result.sums()[2]).isZero();
        for (double[] row : result.gradient()) {
            assertThat(Arrays.stream(row).allMatch(x -> x == 0)).isTrue();
        }
    }
}
