package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.model.ModelConfiguration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The optimiser's step against the same step in 64 bits. */
final class AdamWTest {
    private static final ModelConfiguration UNTIED = TinyModels.llama(false);

    @Test
    void apply_severalSteps_matchesAdamWIn64Bits() {
        OptimizerOptions options = new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, 0.25, 8);
        Random random = new Random(6);
        try (TrainableModel model = ToyTask.model(UNTIED, options)) {
            Map<String, ReferenceAdamW> references = new HashMap<>();
            UNTIED.expectedTensors()
                    .forEach((name, shape) -> references.put(
                            name, new ReferenceAdamW(model.tensors().weight(name), shape.length > 1 ? 0.1 : 0)));
            for (int step = 1; step <= 4; step++) {
                model.accumulate(ToyTask.batch(random, 3, 10));
                double squares = 0;
                Map<String, double[]> gradients = new HashMap<>();
                for (String name : UNTIED.expectedTensors().keySet()) {
                    double[] gradient = model.tensors().gradient(name);
                    gradients.put(name, gradient);
                    for (double g : gradient) {
                        squares += g * g;
                    }
                }
                double norm = model.apply(1e-2);
                assertThat(norm).isCloseTo(Math.sqrt(squares), within(1e-6)).isGreaterThan(0.25);
                double scale = 0.25 / (norm + 1e-6);
                for (String name : UNTIED.expectedTensors().keySet()) {
                    double[] expected = Objects.requireNonNull(references.get(name))
                            .step(Objects.requireNonNull(gradients.get(name)), scale, 1e-2, step);
                    assertThat(model.tensors().weight(name))
                            .as("%s, step %d", name, step)
                            .usingComparatorWithPrecision(3e-6)
                            .containsExactly(expected);
                    assertThat(model.tensors().gradient(name)).as(name).containsOnly(0.0);
                }
            }
        }
    }

    @Test
    void apply_gradientNotFinite_changesNothingButClearsGradients() {
        try (TrainableModel model = ToyTask.model(UNTIED, ToyTask.OPTIMIZER)) {
            model.accumulate(ToyTask.batch(new Random(7), 2, 0)); // weights 1/0
            double[] before = model.tensors().weight("lm_head.weight");
            assertThat(model.apply(1e-2)).isNaN();
            assertThat(model.tensors().weight("lm_head.weight")).containsExactly(before);
            assertThat(model.tensors().gradient("lm_head.weight")).containsOnly(0.0);
            assertThat(model.steps()).isZero();
        }
    }

    /** Algorithm 2 of arXiv 1711.05101, written out in 64 bits. */
    private static final class ReferenceAdamW {
        private final double[] weights;
        private final double[] first;
        private final double[] second;
        private final double decay;

        ReferenceAdamW(double[] weights, double decay) {
            this.weights = weights.clone();
            this.first = new double[weights.length];
            this.second = new double[weights.length];
            this.decay = decay;
        }

        double[] step(double[] gradient, double scale, double rate, int step) {
            for (int i = 0; i < weights.length; i++) {
                double g = gradient[i] * scale;
                first[i] = 0.9 * first[i] + 0.1 * g;
                second[i] = 0.95 * second[i] + 0.05 * g * g;
                double firstHat = first[i] / (1 - Math.pow(0.9, step));
                double secondHat = second[i] / (1 - Math.pow(0.95, step));
                weights[i] -= rate * decay * weights[i] + rate * firstHat / (Math.sqrt(secondHat) + 1e-8);
            }
            return weights;
        }
    }
}
