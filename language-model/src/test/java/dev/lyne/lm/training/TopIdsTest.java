package dev.lyne.lm.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Most probable ids of a model in training, which are those that it gives once it is saved. */
final class TopIdsTest {
    private static final int K = 5;

    @TempDir
    Path directory;

    @Test
    void topIds_ofAModelInTraining_areThoseOfTheSavedModel() throws Exception {
        TrainingBatch batch = ToyTask.batch(new Random(3), 4, 44);
        try (TrainableModel model = ToyTask.model(TinyModels.llama(true), ToyTask.OPTIMIZER)) {
            model.accumulate(batch);
            model.apply(1e-2);
            int[] ids = model.topIds(batch, K);
            model.export(directory, "float32");
            try (ScoringModel saved = ScoringModel.load(
                    directory, ToyTask.FLOAT32, new ScoringOptions(TinyModels.VOCABULARY, 16, false))) {
                int row = 0;
                for (int i = 0; i < batch.sequences().size(); i++) {
                    var item = new ScoreItem(
                            batch.sequences().get(i), batch.positions().get(i));
                    ScoreOutcome outcome =
                            saved.score(List.of(item), RowContent.topK(K)).get(0);
                    RowColumns rows = ((ScoreOutcome.Scored) outcome).rows();
                    for (int r = 0; r < rows.rows(); r++, row++) {
                        assertThat(Arrays.copyOfRange(ids, row * K, (row + 1) * K))
                                .as("sequence %s, row %s", i, r)
                                .containsExactlyInAnyOrder(
                                        Arrays.copyOfRange(rows.ids(), r * rows.stride(), r * rows.stride() + K));
                    }
                }
                assertThat(ids).hasSize(row * K);
            }
        }
    }

    @Test
    void topIds_moreThanThereAreTokens_isRefused() {
        TrainingBatch batch = new TrainingBatch(List.of(new int[] {1, 2}), List.of(new int[] {0}), Map.of());
        try (TrainableModel model = ToyTask.model(TinyModels.llama(true), ToyTask.OPTIMIZER)) {
            assertThatThrownBy(() -> model.topIds(batch, TinyModels.VOCABULARY + 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("k: 24 (expected: 1..23)");
        }
    }
}
