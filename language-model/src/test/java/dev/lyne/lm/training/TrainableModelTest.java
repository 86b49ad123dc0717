package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TrainableModelTest {
    private static final ModelConfiguration UNTIED = TinyModels.llama(false);

    @Test
    void train_toyTask_learnsIt() {
        try (TrainableModel model = ToyTask.model(TinyModels.llama(true), ToyTask.OPTIMIZER)) {
            Random random = new Random(1);
            TrainingBatch held = ToyTask.batch(new Random(2), 3, 1);
            double before = model.negativeLogLikelihood(held) / ToyTask.rows(held);
            for (int step = 0; step < 150; step++) {
                TrainingBatch batch = ToyTask.batch(random, 4, 44);
                model.accumulate(batch);
                model.apply(1e-2);
            }
            double after = model.negativeLogLikelihood(held) / ToyTask.rows(held);
            assertThat(before).isCloseTo(Math.log(TinyModels.VOCABULARY), within(0.1));
            assertThat(after).isLessThan(0.3);
            assertThat(model.steps()).isEqualTo(150);
            assertThat(model.generate(new int[] {2, 7}, 4, 0, 1, 0, -1)).containsExactly(22, 21, 18, 9);
        }
    }

    @Test
    void accumulate_anyBatch_sumsAreTheNegativeLogLikelihood() {
        try (TrainableModel model = ToyTask.model(UNTIED, ToyTask.OPTIMIZER)) {
            TrainingBatch batch = ToyTask.batch(new Random(3), 3, 10);
            double[] sums = model.accumulate(batch);
            double expected = model.negativeLogLikelihood(batch);
            assertThat(model.terms()).containsExactly("loss", "nll");
            assertThat(sums[1]).isCloseTo(expected, within(1e-4));
            assertThat(sums[0]).isCloseTo(expected / 10, within(1e-5));
        }
    }

    @Test
    void accumulate_twoHalves_equalsOneBatch() {
        TrainingBatch whole = ToyTask.batch(new Random(4), 4, 10);
        try (TrainableModel once = ToyTask.model(UNTIED, ToyTask.OPTIMIZER);
                TrainableModel twice = ToyTask.model(UNTIED, ToyTask.OPTIMIZER)) {
            once.accumulate(whole);
            twice.accumulate(part(whole, 0, 2));
            twice.accumulate(part(whole, 2, 4));
            for (String name : UNTIED.expectedTensors().keySet()) {
                assertThat(twice.gradient(name))
                        .as(name)
                        .usingComparatorWithPrecision(1e-5)
                        .containsExactly(once.gradient(name));
            }
        }
    }

    @Test
    void apply_severalSteps_matchesAdamWIn64Bits() {
        OptimizerOptions options = new OptimizerOptions(0.9, 0.95, 1e-8, 0.1, 0.25, 8);
        Random random = new Random(6);
        try (TrainableModel model = ToyTask.model(UNTIED, options)) {
            Map<String, ReferenceAdamW> references = new HashMap<>();
            UNTIED.expectedTensors()
                    .forEach((name, shape) ->
                            references.put(name, new ReferenceAdamW(model.weight(name), shape.length > 1 ? 0.1 : 0)));
            for (int step = 1; step <= 4; step++) {
                model.accumulate(ToyTask.batch(random, 3, 10));
                double squares = 0;
                Map<String, double[]> gradients = new HashMap<>();
                for (String name : UNTIED.expectedTensors().keySet()) {
                    double[] gradient = model.gradient(name);
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
                    assertThat(model.weight(name))
                            .as("%s, step %d", name, step)
                            .usingComparatorWithPrecision(3e-6)
                            .containsExactly(expected);
                    assertThat(model.gradient(name)).as(name).containsOnly(0.0);
                }
            }
        }
    }

    @Test
    void apply_gradientNotFinite_changesNothingButClearsGradients() {
        try (TrainableModel model = ToyTask.model(UNTIED, ToyTask.OPTIMIZER)) {
            model.accumulate(ToyTask.batch(new Random(7), 2, 0)); // weights 1/0
            double[] before = model.weight("lm_head.weight");
            assertThat(model.apply(1e-2)).isNaN();
            assertThat(model.weight("lm_head.weight")).containsExactly(before);
            assertThat(model.gradient("lm_head.weight")).containsOnly(0.0);
            assertThat(model.steps()).isZero();
        }
    }

    @Test
    void train_twiceAtASizeThatEveryThreadWorksOn_givesTheSameBits() {
        ModelConfiguration wide = ModelConfiguration.llama(128, 2, 4, 2, 256, 512, 64, 10_000, true);
        List<double[]> runs = new ArrayList<>();
        for (int run = 0; run < 2; run++) {
            try (TrainableModel model = TrainableModel.create(
                    wide, 5, ToyTask.FLOAT32, OptimizerOptions.defaults(), CrossEntropy.script())) {
                Random random = new Random(12);
                for (int i = 0; i < 3; i++) {
                    step(model, ToyTask.batch(random, 24, 600));
                }
                runs.add(model.weight("model.embed_tokens.weight"));
                runs.add(model.weight("model.layers.0.self_attn.k_proj.weight"));
            }
        }
        assertThat(runs.get(2)).containsExactly(runs.get(0));
        assertThat(runs.get(3)).containsExactly(runs.get(1));
    }

    @Test
    void restoreState_afterSteps_continuesBitForBit(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("state.safetensors");
        TrainingBatch first = ToyTask.batch(new Random(8), 3, 30);
        TrainingBatch second = ToyTask.batch(new Random(9), 4, 40);
        try (TrainableModel straight = ToyTask.model(UNTIED, ToyTask.OPTIMIZER);
                TrainableModel resumed =
                        TrainableModel.create(UNTIED, 77, ToyTask.FLOAT32, ToyTask.OPTIMIZER, CrossEntropy.script())) {
            step(straight, first);
            straight.saveState(file);
            resumed.accumulate(second); // left over, to be forgotten
            resumed.restoreState(file);
            assertThat(resumed.steps()).isEqualTo(1);
            for (int i = 0; i < 3; i++) {
                assertThat(step(resumed, second)).containsExactly(step(straight, second));
            }
            for (String name : UNTIED.expectedTensors().keySet()) {
                assertThat(resumed.weight(name)).as(name).containsExactly(straight.weight(name));
            }
        }
    }

    @Test
    void restoreState_anotherShape_isRefused(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("state.safetensors");
        try (TrainableModel tied = ToyTask.model(TinyModels.llama(true), ToyTask.OPTIMIZER);
                TrainableModel untied = ToyTask.model(UNTIED, ToyTask.OPTIMIZER)) {
            tied.saveState(file);
            assertThatThrownBy(() -> untied.restoreState(file))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("weights.lm_head.weight: missing (expected: F32[23, 16])");
        }
    }

    @Test
    void export_thenLoad_givesTheSameModel(@TempDir Path directory) throws IOException {
        for (ModelConfiguration configuration : TinyModels.all().values()) {
            try (TrainableModel model = ToyTask.model(configuration, ToyTask.OPTIMIZER)) {
                TrainingBatch batch = ToyTask.batch(new Random(10), 3, 30);
                step(model, batch);
                model.export(directory, "float32");
                try (TrainableModel loaded =
                        TrainableModel.load(directory, ToyTask.FLOAT32, ToyTask.OPTIMIZER, CrossEntropy.script())) {
                    assertThat(loaded.configuration()).isEqualTo(configuration);
                    for (String name : configuration.expectedTensors().keySet()) {
                        assertThat(loaded.weight(name)).as(name).containsExactly(model.weight(name));
                    }
                }
                long wide = Files.size(directory.resolve("model.safetensors"));
                model.export(directory, "bfloat16");
                assertThat(Files.size(directory.resolve("model.safetensors"))).isLessThan(wide * 3 / 4);
                assertThat(ModelConfiguration.read(directory).storedType()).isEqualTo("bfloat16");
            }
        }
    }

    @Test
    void create_sameSeed_givesTheSameWeights() {
        try (TrainableModel one =
                        TrainableModel.create(UNTIED, 3, ToyTask.FLOAT32, ToyTask.OPTIMIZER, CrossEntropy.script());
                TrainableModel same =
                        TrainableModel.create(UNTIED, 3, ToyTask.FLOAT32, ToyTask.OPTIMIZER, CrossEntropy.script());
                TrainableModel other =
                        TrainableModel.create(UNTIED, 4, ToyTask.FLOAT32, ToyTask.OPTIMIZER, CrossEntropy.script())) {
            String name = "model.layers.1.mlp.up_proj.weight";
            assertThat(same.weight(name)).containsExactly(one.weight(name));
            assertThat(other.weight(name)).isNotEqualTo(one.weight(name));
            assertThat(one.weight("model.norm.weight")).containsOnly(1.0);
        }
    }

    @Test
    void create_bfloat16_learnsToo() {
        ModelOptions options = new ModelOptions("cpu", ComputePrecision.BFLOAT16, 0);
        try (TrainableModel model =
                TrainableModel.create(UNTIED, 5, options, ToyTask.OPTIMIZER, CrossEntropy.script())) {
            TrainingBatch batch = ToyTask.batch(new Random(1), 4, 44);
            double first = step(model, batch)[0];
            double last = first;
            for (int i = 0; i < 30; i++) {
                last = step(model, batch)[0];
            }
            assertThat(last).isLessThan(first * 0.8);
            assertThat(model.generate(new int[] {2}, 3, 1, 0.9, 1, -1)).hasSize(3);
        }
    }

    @Test
    void create_float16_isRefused() {
        ModelOptions options = new ModelOptions("cpu", ComputePrecision.FLOAT16, 0);
        assertThatThrownBy(() -> TrainableModel.create(UNTIED, 5, options, ToyTask.OPTIMIZER, CrossEntropy.script()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("precision: float16 (expected: float32 or bfloat16");
    }

    @Test
    void accumulate_batchThatDoesNotFit_isRefused() {
        Map<String, Column> none = Map.of();
        try (TrainableModel model = ToyTask.model(UNTIED, ToyTask.OPTIMIZER)) {
            refused(model, new TrainingBatch(List.of(new int[] {1, 23}), List.of(new int[] {0}), none), "token 23");
            refused(model, new TrainingBatch(List.of(new int[] {1, 2}), List.of(new int[] {1}), none), "position 1");
            refused(model, new TrainingBatch(List.of(new int[65]), List.of(new int[] {0}), none), "65 tokens");
            Map<String, Column> wide = Map.of("data_weight", new Column.Floats(new float[3], 1));
            refused(
                    model,
                    new TrainingBatch(List.of(new int[] {1, 2}), List.of(new int[] {0}), wide),
                    "data_weight: 3");
            assertThat(model.accumulate(new TrainingBatch(List.of(new int[] {1, 2}), List.of(new int[0]), none)))
                    .containsExactly(0, 0);
        }
    }

    private static void refused(TrainableModel model, TrainingBatch batch, String part) {
        assertThatThrownBy(() -> model.accumulate(batch))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(part)
                .hasMessageContaining("(expected: ");
    }

    private static double[] step(TrainableModel model, TrainingBatch batch) {
        double[] sums = model.accumulate(batch);
        return new double[] {sums[0], sums[1], model.apply(1e-2)};
    }

    private static TrainingBatch part(TrainingBatch batch, int from, int to) {
        int before = batch.positions().subList(0, from).stream()
                .mapToInt(p -> p.length)
                .sum();
        int rows = batch.positions().subList(from, to).stream()
                .mapToInt(p -> p.length)
                .sum();
        float[] all = ((Column.Floats) Objects.requireNonNull(batch.columns().get("data_weight"))).values();
        float[] weights = Arrays.copyOfRange(all, before, before + rows);
        return new TrainingBatch(
                batch.sequences().subList(from, to),
                batch.positions().subList(from, to),
                Map.of("data_weight", new Column.Floats(weights, 1)));
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
