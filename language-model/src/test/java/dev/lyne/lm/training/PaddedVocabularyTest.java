package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.model.ModelConfiguration;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A model with more rows of embedding and output than the tokenizer has ids, beside the same model without them. */
final class PaddedVocabularyTest {
    private static final int PADDED = TinyModels.VOCABULARY + 9;
    private static final double LEARNING_RATE = 1e-2;

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void train_paddedModel_goesTheWayOfTheUnpaddedOne(boolean tied) {
        try (TrainableModel plain = ToyTask.model(TinyModels.llama(tied), ToyTask.OPTIMIZER);
                TrainableModel padded = padded(tied, plain)) {
            TrainingBatch batch = ToyTask.batch(new Random(3), 4, 44);
            double decayed = 1;
            double[] before = padded.tensors().weight(outputOf(tied));
            for (int step = 0; step < 3; step++) {
                assertThat(padded.negativeLogLikelihood(batch)).isEqualTo(plain.negativeLogLikelihood(batch));
                assertThat(padded.accumulate(batch)).containsExactly(plain.accumulate(batch));
                plain.configuration().expectedTensors().forEach((name, shape) -> {
                    double[] expected = plain.tensors().gradient(name);
                    double[] gradient = padded.tensors().gradient(name);
                    assertThat(Arrays.copyOf(gradient, expected.length))
                            .as(name)
                            .usingComparatorWithPrecision(1e-6)
                            .containsExactly(expected);
                    assertThat(Arrays.stream(gradient).skip(expected.length))
                            .as("padding of %s", name)
                            .allMatch(g -> g == 0);
                });
                plain.apply(LEARNING_RATE);
                padded.apply(LEARNING_RATE);
                decayed *= 1 - LEARNING_RATE * ToyTask.OPTIMIZER.weightDecay();
            }
            double[] after = padded.tensors().weight(outputOf(tied));
            double[] expected = plain.tensors().weight(outputOf(tied));
            assertThat(Arrays.copyOf(after, expected.length))
                    .usingComparatorWithPrecision(1e-6)
                    .containsExactly(expected);
            for (int i = expected.length; i < after.length; i++) {
                assertThat(after[i] / before[i])
                        .as("element %d decays, and does nothing else", i)
                        .isBetween(decayed - 1e-6, decayed + 1e-6);
            }
        }
    }

    /** The rows of the padding would win by far if they had a part in anything. */
    @Test
    void generate_paddingWithTheGreatestLogits_isNeverDrawn() {
        try (TrainableModel plain = ToyTask.model(TinyModels.llama(false), ToyTask.OPTIMIZER);
                TrainableModel padded = padded(false, plain)) {
            double[] output = padded.tensors().weight("lm_head.weight");
            int width = padded.configuration().sizes().hidden();
            for (int i = TinyModels.VOCABULARY * width; i < output.length; i++) {
                output[i] = 100 * (i / width % 2 == 0 ? 1 : -1);
            }
            padded.tensors().setWeight("lm_head.weight", output);
            for (double temperature : new double[] {0, 1}) {
                assertThat(padded.generate(new int[] {2, 7}, 40, temperature, 1, 4, Set.of()))
                        .hasSize(40)
                        .containsExactly(plain.generate(new int[] {2, 7}, 40, temperature, 1, 4, Set.of()));
            }
        }
    }

    @Test
    void accumulate_idOfThePadding_isRefused() {
        try (TrainableModel plain = ToyTask.model(TinyModels.llama(false), ToyTask.OPTIMIZER);
                TrainableModel padded = padded(false, plain)) {
            assertThatThrownBy(() -> padded.accumulate(new TrainingBatch(
                            List.of(new int[] {1, TinyModels.VOCABULARY}), List.of(new int[] {0}), Map.of())))
                    .hasMessageContaining("token 23 (expected: 0..22)");
        }
    }

    @Test
    void export_thenLoad_keepsThePadding(@TempDir Path directory) throws Exception {
        try (TrainableModel plain = ToyTask.model(TinyModels.llama(true), ToyTask.OPTIMIZER);
                TrainableModel padded = padded(true, plain)) {
            padded.export(directory, "float32");
            try (TrainableModel loaded = TrainableModel.load(
                    directory, TinyModels.VOCABULARY, ToyTask.FLOAT32, ToyTask.OPTIMIZER, LossScript.crossEntropy())) {
                assertThat(loaded.configuration().sizes().vocabulary()).isEqualTo(PADDED);
                assertThat(loaded.tensors().weight(outputOf(true)))
                        .containsExactly(padded.tensors().weight(outputOf(true)));
            }
        }
    }

    @Test
    void create_moreIdsThanRows_isRefused() {
        assertThatThrownBy(() -> TrainableModel.create(
                        TinyModels.llama(true),
                        TinyModels.VOCABULARY + 1,
                        5,
                        ToyTask.FLOAT32,
                        ToyTask.OPTIMIZER,
                        LossScript.crossEntropy()))
                .hasMessageContaining("24 (expected: 1..vocab_size=23)");
    }

    /** The weights of another model, with rows of its own below them. */
    private static TrainableModel padded(boolean tied, TrainableModel plain) {
        ModelConfiguration c = plain.configuration();
        TrainableModel padded = TrainableModel.create(
                ModelConfiguration.llama(new ModelConfiguration.Sizes(PADDED, 64, 16, 2), 4, 4, 24, 10_000, tied),
                c.sizes().vocabulary(),
                99,
                ToyTask.FLOAT32,
                ToyTask.OPTIMIZER,
                LossScript.crossEntropy());
        c.expectedTensors().keySet().forEach(name -> {
            double[] values = padded.tensors().weight(name);
            double[] own = plain.tensors().weight(name);
            System.arraycopy(own, 0, values, 0, own.length);
            padded.tensors().setWeight(name, values);
        });
        return padded;
    }

    private static String outputOf(boolean tied) {
        return tied ? "model.embed_tokens.weight" : "lm_head.weight";
    }
}
