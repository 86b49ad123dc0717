package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.lyne.lm.engine.ProductKernels;
import dev.lyne.lm.engine.WeightLayout;
import dev.lyne.lm.model.ModelConfiguration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The step whose products autograd does not see, against autograd's own. */
final class CutProductsTest {
    private static final OptimizerOptions OPTIONS = new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, 1, 64);

    private static TrainableModel model(ModelConfiguration shape, ProductKernels products) {
        return model(shape, products, OPTIONS);
    }

    private static TrainableModel model(ModelConfiguration shape, ProductKernels products, OptimizerOptions optimizer) {
        TrainableModel model = new TrainableModel(
                shape,
                shape.sizes().vocabulary(),
                ToyTask.FLOAT32,
                optimizer,
                LossScript.crossEntropy(),
                new TrainableModel.Numerics(DataType.FLOAT32, products));
        model.tensors().initialize(7);
        return model;
    }

    private static ProductKernels oneDnn(ModelConfiguration shape) {
        return ProductKernels.allOneDnn(shape, WeightLayout.asStored(shape));
    }

    /** Some tensors of a batch are above the 64 rows that oneDNN multiplies, its last chunk of logits is below. */
    private static TrainingBatch batch(long seed) {
        return ToyTask.batch(new Random(seed), 8, 120);
    }

    @TestFactory
    Stream<DynamicTest> accumulate_everyVariant_hasTheGradientsOfAutograd() {
        return TinyModels.all().entrySet().stream()
                .map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> check(entry.getValue())));
    }

    private static void check(ModelConfiguration shape) {
        try (TrainableModel torch = model(shape, ProductKernels.TORCH);
                TrainableModel oneDnn = model(shape, oneDnn(shape))) {
            double[] expected = torch.accumulate(batch(1));
            double[] actual = oneDnn.accumulate(batch(1));
            assertThat(actual[0]).isCloseTo(expected[0], within(1e-5 * expected[0]));
            for (String name : shape.expectedTensors().keySet()) {
                double[] of = torch.tensors().gradient(name);
                double[] is = oneDnn.tensors().gradient(name);
                double difference = 0;
                double size = 0;
                for (int i = 0; i < of.length; i++) {
                    difference += (is[i] - of[i]) * (is[i] - of[i]);
                    size += of[i] * of[i];
                }
                assertThat(Math.sqrt(difference)).as(name).isLessThanOrEqualTo(1e-5 * Math.sqrt(size) + 1e-12);
            }
        }
    }

    @TestFactory
    Stream<DynamicTest> accumulate_layersComputedAgain_hasTheSameBits() {
        return TinyModels.all().entrySet().stream()
                .flatMap(entry -> Stream.of(ProductKernels.TORCH, oneDnn(entry.getValue()))
                        .map(products -> DynamicTest.dynamicTest(
                                entry.getKey() + (products == ProductKernels.TORCH ? ", autograd" : ", by hand"),
                                () -> checkRecomputed(entry.getValue(), products))));
    }

    private static void checkRecomputed(ModelConfiguration shape, ProductKernels products) {
        var recompute = new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, 1, 64, true);
        try (TrainableModel kept = model(shape, products, OPTIONS);
                TrainableModel again = model(shape, products, recompute)) {
            assertThat(again.accumulate(batch(1))).isEqualTo(kept.accumulate(batch(1)));
            for (String name : shape.expectedTensors().keySet()) {
                assertThat(again.tensors().gradient(name))
                        .as(name)
                        .isEqualTo(kept.tensors().gradient(name));
            }
        }
    }

    @Test
    void step_twice_givesTheSameBits() {
        ModelConfiguration shape = TinyModels.llama(true);
        Map<String, double[]> first = new LinkedHashMap<>();
        for (int run = 0; run < 2; run++) {
            try (TrainableModel model = model(shape, oneDnn(shape))) {
                for (int step = 0; step < 3; step++) {
                    model.accumulate(batch(step));
                    model.accumulate(batch(step + 9));
                    model.apply(1e-2);
                }
                for (String name : shape.expectedTensors().keySet()) {
                    double[] weight = model.tensors().weight(name);
                    if (run == 0) {
                        first.put(name, weight);
                    } else {
                        assertThat(weight).as(name).isEqualTo(first.get(name));
                    }
                }
            }
        }
    }

    @Test
    void fingerprint_namesTheShapesThatOneDnnMultiplies() {
        ModelConfiguration shape =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(300, 64, 128, 1), 2, 2, 352, 10_000, true);
        try (TrainableModel model =
                TrainableModel.create(shape, 3, ToyTask.FLOAT32, OPTIONS, LossScript.crossEntropy())) {
            assertThat(model.fingerprint().toString()).contains("oneDNN 128x128 128x352 300x128 352x128");
        }
    }
}
