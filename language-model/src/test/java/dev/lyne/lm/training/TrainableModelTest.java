package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

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
            assertThat(model.generate(new int[] {2, 7}, 4, 0, 1, 0, Set.of())).containsExactly(22, 21, 18, 9);
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
                assertThat(twice.tensors().gradient(name))
                        .as(name)
                        .usingComparatorWithPrecision(1e-5)
                        .containsExactly(once.tensors().gradient(name));
            }
        }
    }

    @Test
    void train_twiceAtASizeThatEveryThreadWorksOn_givesTheSameBits() {
        ModelConfiguration wide =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(512, 64, 128, 2), 4, 2, 256, 10_000, true);
        List<double[]> runs = new ArrayList<>();
        for (int run = 0; run < 2; run++) {
            try (TrainableModel model = TrainableModel.create(
                    wide, 5, ToyTask.FLOAT32, OptimizerOptions.defaults(), LossScript.crossEntropy())) {
                Random random = new Random(12);
                for (int i = 0; i < 3; i++) {
                    ToyTask.step(model, ToyTask.batch(random, 24, 600));
                }
                runs.add(model.tensors().weight("model.embed_tokens.weight"));
                runs.add(model.tensors().weight("model.layers.0.self_attn.k_proj.weight"));
            }
        }
        assertThat(runs.get(2)).containsExactly(runs.get(0));
        assertThat(runs.get(3)).containsExactly(runs.get(1));
    }

    @Test
    void create_sameSeed_givesTheSameWeights() {
        try (TrainableModel one = TrainableModel.create(
                        UNTIED, 3, ToyTask.FLOAT32, ToyTask.OPTIMIZER, LossScript.crossEntropy());
                TrainableModel same = TrainableModel.create(
                        UNTIED, 3, ToyTask.FLOAT32, ToyTask.OPTIMIZER, LossScript.crossEntropy());
                TrainableModel other = TrainableModel.create(
                        UNTIED, 4, ToyTask.FLOAT32, ToyTask.OPTIMIZER, LossScript.crossEntropy())) {
            String name = "model.layers.1.mlp.up_proj.weight";
            assertThat(same.tensors().weight(name))
                    .containsExactly(one.tensors().weight(name));
            assertThat(other.tensors().weight(name)).isNotEqualTo(one.tensors().weight(name));
            assertThat(one.tensors().weight("model.norm.weight")).containsOnly(1.0);
        }
    }

    @Test
    void create_bfloat16_learnsToo() {
        ModelOptions options = new ModelOptions("cpu", ComputePrecision.BFLOAT16, 0);
        try (TrainableModel model =
                TrainableModel.create(UNTIED, 5, options, ToyTask.OPTIMIZER, LossScript.crossEntropy())) {
            TrainingBatch batch = ToyTask.batch(new Random(1), 4, 44);
            double first = ToyTask.step(model, batch)[0];
            double last = first;
            for (int i = 0; i < 30; i++) {
                last = ToyTask.step(model, batch)[0];
            }
            assertThat(last).isLessThan(first * 0.8);
            assertThat(model.generate(new int[] {2}, 3, 1, 0.9, 1, Set.of())).hasSize(3);
        }
    }

    @Test
    void create_float16_isRefused() {
        ModelOptions options = new ModelOptions("cpu", ComputePrecision.FLOAT16, 0);
        assertThatThrownBy(
                        () -> TrainableModel.create(UNTIED, 5, options, ToyTask.OPTIMIZER, LossScript.crossEntropy()))
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
}
