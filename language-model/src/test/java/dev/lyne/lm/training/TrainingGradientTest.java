package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.lyne.lm.engine.ProductKernels;
import dev.lyne.lm.engine.WeightLayout;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every parameter tensor's gradient against central differences of the whole step's loss, in 64 bits. */
final class TrainingGradientTest {
    private static final double STEP = 1e-5;

    @TestFactory
    Stream<DynamicTest> accumulate_everyVariant_matchesFiniteDifferences() {
        return Stream.of(TinyModels.all(), TinyModels.withOutputLayers())
                .flatMap(models -> models.entrySet().stream())
                .map(entry -> DynamicTest.dynamicTest(
                        entry.getKey(),
                        () -> check(entry.getValue(), ProductKernels.TORCH, 4, TrainingGradientTest::batch)));
    }

    /** The products that autograd does not see, in the same 64 bits: what is held to the numbers here is the way back through the cuts. */
    @TestFactory
    Stream<DynamicTest> accumulate_everyVariantWithCuts_matchesFiniteDifferences() {
        return Stream.of(TinyModels.all(), TinyModels.withOutputLayers())
                .flatMap(models -> models.entrySet().stream())
                .map(entry -> DynamicTest.dynamicTest(
                        entry.getKey(),
                        () -> check(
                                entry.getValue(),
                                ProductKernels.allOneDnn(entry.getValue(), WeightLayout.asStored(entry.getValue())),
                                70,
                                TrainingGradientTest::longBatch)));
    }

    /** @param rowChunk chunks of 4 of 13 rows, or of 70 of 88 */
    private static void check(
            ModelConfiguration configuration,
            ProductKernels products,
            int rowChunk,
            Function<Random, TrainingBatch> batches) {
        long seed = 11;
        Random random = new Random(seed);
        TrainingBatch batch = batches.apply(random);
        OptimizerOptions optimizer = new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, 1, rowChunk);
        try (TrainableModel model = new TrainableModel(
                configuration,
                configuration.sizes().vocabulary(),
                new ModelOptions("cpu", ComputePrecision.FLOAT32, 0),
                optimizer,
                LossScript.crossEntropy(),
                new TrainableModel.Numerics(DataType.FLOAT64, products))) {
            configuration
                    .expectedTensors()
                    .forEach((name, shape) -> model.tensors().setWeight(name, values(random, name, shape)));
            model.accumulate(batch);
            Map<String, double[]> gradients = new HashMap<>();
            configuration
                    .expectedTensors()
                    .keySet()
                    .forEach(name -> gradients.put(name, model.tensors().gradient(name)));
            for (String name : configuration.expectedTensors().keySet()) {
                double[] gradient = Objects.requireNonNull(gradients.get(name));
                double[] direction = random.doubles(gradient.length, -1, 1).toArray();
                double analytic = 0;
                for (int i = 0; i < gradient.length; i++) {
                    analytic += gradient[i] * direction[i];
                }
                double numeric =
                        (lossAt(model, batch, name, direction, STEP) - lossAt(model, batch, name, direction, -STEP))
                                / (2 * STEP);
                assertThat(analytic)
                        .as("%s, seed %d", name, seed)
                        .isCloseTo(numeric, within(1e-7 + 1e-6 * Math.abs(numeric)));
                assertThat(Math.abs(numeric))
                        .as("%s moves the loss, seed %d", name, seed)
                        .isGreaterThan(1e-12);
            }
        }
    }

    private static double lossAt(
            TrainableModel model, TrainingBatch batch, String name, double[] direction, double scale) {
        double[] before = model.tensors().weight(name);
        double[] moved = before.clone();
        for (int i = 0; i < moved.length; i++) {
            moved[i] += scale * direction[i];
        }
        model.tensors().setWeight(name, moved);
        double loss = model.accumulate(batch)[0];
        model.tensors().setWeight(name, before);
        return loss;
    }

    private static TrainingBatch batch(Random random) {
        List<int[]> sequences = List.of(tokens(random, 9), tokens(random, 5), tokens(random, 7));
        List<int[]> positions = List.of(new int[] {0, 1, 2, 4, 5, 7}, new int[] {3}, new int[] {0, 1, 2, 3, 4, 5});
        return weighted(random, sequences, positions);
    }

    /** As many rows as oneDNN multiplies, and more. */
    private static TrainingBatch longBatch(Random random) {
        List<int[]> sequences = List.of(tokens(random, 29), tokens(random, 25), tokens(random, 37));
        return weighted(
                random,
                sequences,
                sequences.stream()
                        .map(tokens -> IntStream.range(0, tokens.length - 1).toArray())
                        .toList());
    }

    private static TrainingBatch weighted(Random random, List<int[]> sequences, List<int[]> positions) {
        float[] weights =
                new float[positions.stream().mapToInt(own -> own.length).sum()];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = i == 2 ? 0 : 0.25f + random.nextFloat();
        }
        return new TrainingBatch(sequences, positions, Map.of("data_weight", new Column.Floats(weights, 1)));
    }

    private static int[] tokens(Random random, int length) {
        return random.ints(length, 0, TinyModels.VOCABULARY).toArray();
    }

    private static double[] values(Random random, String name, long[] shape) {
        int size = 1;
        for (long extent : shape) {
            size *= (int) extent;
        }
        boolean norm = name.endsWith(".weight") && shape.length == 1;
        double[] values = new double[size];
        for (int i = 0; i < size; i++) {
            values[i] = norm ? 1 + 0.2 * random.nextGaussian() : 0.3 * random.nextGaussian();
        }
        return values;
    }
}
