package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.model.ModelConfiguration;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that a training run writes, read again. */
final class TrainingFilesTest {
    private static final ModelConfiguration UNTIED = TinyModels.llama(false);

    @Test
    void restoreState_afterSteps_continuesBitForBit(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("state.safetensors");
        TrainingBatch first = ToyTask.batch(new Random(8), 3, 30);
        TrainingBatch second = ToyTask.batch(new Random(9), 4, 40);
        try (TrainableModel straight = ToyTask.model(UNTIED, ToyTask.OPTIMIZER);
                TrainableModel resumed = TrainableModel.create(
                        UNTIED, 77, ToyTask.FLOAT32, ToyTask.OPTIMIZER, LossScript.crossEntropy())) {
            ToyTask.step(straight, first);
            straight.saveState(file);
            resumed.accumulate(second); // left over, to be forgotten
            resumed.restoreState(file);
            assertThat(resumed.steps()).isEqualTo(1);
            for (int i = 0; i < 3; i++) {
                assertThat(ToyTask.step(resumed, second)).containsExactly(ToyTask.step(straight, second));
            }
            for (String name : UNTIED.expectedTensors().keySet()) {
                assertThat(resumed.tensors().weight(name))
                        .as(name)
                        .containsExactly(straight.tensors().weight(name));
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
                ToyTask.step(model, batch);
                model.export(directory, "float32");
                try (TrainableModel loaded = TrainableModel.load(
                        directory,
                        TinyModels.VOCABULARY,
                        ToyTask.FLOAT32,
                        ToyTask.OPTIMIZER,
                        LossScript.crossEntropy())) {
                    assertThat(loaded.configuration()).isEqualTo(configuration);
                    for (String name : configuration.expectedTensors().keySet()) {
                        assertThat(loaded.tensors().weight(name))
                                .as(name)
                                .containsExactly(model.tensors().weight(name));
                    }
                }
                long wide = Files.size(directory.resolve("model.safetensors"));
                model.export(directory, "bfloat16");
                assertThat(Files.size(directory.resolve("model.safetensors"))).isLessThan(wide * 3 / 4);
                assertThat(ModelConfiguration.read(directory).storedType()).isEqualTo("bfloat16");
            }
        }
    }
}
