package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Identity of rows: what their bits depend on. */
final class RowIdentityTest {
    private static final ModelOptions FLOAT32 = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
    private static final long SEED = 20;

    @TempDir
    private Path directory;

    @Test
    void score_deterministic_bitsDependOnTheSequenceAlone() throws IOException {
        ModelConfiguration shape = ModelConfiguration.llama(
                new ModelConfiguration.Sizes(RandomModel.VOCABULARY, 1024, 128, 2), 4, 2, 256, 10_000, false);
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        Random random = new Random(SEED);
        int[] tokens = RandomModel.tokens(random, 700);
        ScoreItem all = new ScoreItem(tokens, IntStream.range(0, 700).toArray());
        ScoreItem some = new ScoreItem(tokens, new int[] {3, 255, 256, 640, 699});
        ScoreItem last = new ScoreItem(tokens, new int[] {698});
        ScoreItem other = new ScoreItem(RandomModel.tokens(random, 311), new int[] {0, 310});
        ScoringOptions options = new ScoringOptions(RandomModel.VOCABULARY, 64, true);
        try (ScoringModel model = ScoringModel.load(directory, FLOAT32, options)) {
            for (RowContent selection : List.of(
                    new RowContent(new Selection.TopPK(0.9, 20, 1.5f, List.of(0.5f, 1f, 2f)), false),
                    RowContent.topK(RandomModel.VOCABULARY),
                    new RowContent(new Selection.Draws(40, 0, 5, List.of(2f)), true),
                    new RowContent(new Selection.Draws(40, 4, 5, List.of()), false),
                    new RowContent(new Selection.Chosen(RandomModel.VOCABULARY, List.of()), true),
                    RowContent.of(new Selection.LabelOnly(List.of())))) {
                RowColumns whole =
                        scored(model.score(naming(selection, all), selection).get(0));
                List<ScoreOutcome> mixed = model.score(naming(selection, other, some, last, all), selection);
                for (ScoreOutcome outcome : mixed.subList(1, 4)) {
                    RowColumns rows = scored(outcome);
                    for (int row = 0; row < rows.rows(); row++) {
                        assertThat(bits(rows, row))
                                .as("%s, row %d", selection, row)
                                .isEqualTo(bits(whole, ((ScoreOutcome.Scored) outcome).positions()[row]));
                    }
                }
            }
        }
    }

    /** With ids that only the position decides, where the selection wants them. */
    private static List<ScoreItem> naming(RowContent selection, ScoreItem... items) {
        if (!(selection.selection() instanceof Selection.Chosen)) {
            return List.of(items);
        }
        return Arrays.stream(items)
                .map(item -> new ScoreItem(
                        item.tokens(),
                        item.positions(),
                        Arrays.stream(item.positions())
                                .mapToObj(position -> IntStream.range(0, position % 50)
                                        .map(i -> i + 3)
                                        .toArray())
                                .toArray(int[][]::new)))
                .toList();
    }

    @Test
    void score_oneSequenceABatch_drawsTheSameInEverySliceOfIt() throws IOException {
        ModelConfiguration shape = Objects.requireNonNull(RandomModel.variants().get("llama, tied"));
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        int[] tokens = RandomModel.tokens(new Random(SEED), 90);
        RowContent selection = RowContent.of(new Selection.Draws(25, 3, 17, List.of()));
        int[] sameStart = tokens.clone();
        sameStart[62] = (tokens[62] + 1) % RandomModel.VOCABULARY;
        try (ScoringModel model =
                ScoringModel.load(directory, FLOAT32, new ScoringOptions(RandomModel.VOCABULARY, 32, false))) {
            ScoreItem all = new ScoreItem(tokens, IntStream.range(0, 90).toArray());
            RowColumns whole = scored(model.score(List.of(all), selection).get(0));
            for (int[] positions : new int[][] {{4}, {0, 31, 32, 33, 89}, {60, 61, 62}}) {
                ScoreItem slice = new ScoreItem(tokens, positions);
                RowColumns rows = scored(model.score(List.of(slice), selection).get(0));
                for (int row = 0; row < positions.length; row++) {
                    assertThat(entries(rows, row)).isEqualTo(entries(whole, positions[row]));
                }
            }
            RowColumns other = scored(model.score(List.of(new ScoreItem(sameStart, all.positions())), selection)
                    .get(0));
            assertThat(entries(other, 61)).isEqualTo(entries(whole, 61));
            assertThat(entries(other, 62)).isNotEqualTo(entries(whole, 62));
        }
    }

    private static String entries(RowColumns rows, int row) {
        int from = row * rows.stride();
        int to = from + rows.counts()[row];
        return Arrays.toString(Arrays.copyOfRange(rows.ids(), from, to))
                + Arrays.toString(Arrays.copyOfRange(rows.drawCounts(), from, to));
    }

    /** Everything that a row says. */
    private static List<Object> bits(RowColumns rows, int row) {
        int from = row * rows.stride();
        int to = from + rows.counts()[row];
        int temperatures = rows.temperatureOffsets().length / rows.rows();
        return List.of(
                rows.counts()[row],
                Arrays.toString(Arrays.copyOfRange(rows.ids(), from, to)),
                Arrays.toString(Arrays.copyOfRange(rows.logProbabilities(), from, to)),
                Float.floatToRawIntBits(rows.logTailMass()[row]),
                Float.floatToRawIntBits(rows.labelLogProbability()[row]),
                rows.drawCounts().length == 0 ? "" : entries(rows, row),
                rows.logits().length == 0
                        ? ""
                        : Arrays.toString(Arrays.copyOfRange(rows.logits(), from, to)) + rows.logSumExp()[row],
                Arrays.toString(
                        Arrays.copyOfRange(rows.temperatureOffsets(), row * temperatures, (row + 1) * temperatures)));
    }

    private static RowColumns scored(ScoreOutcome outcome) {
        return ((ScoreOutcome.Scored) outcome).rows();
    }
}
