package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.LanguageModelTeacher;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Cuts of a distribution over the whole vocabulary, held to what the model itself says of the same positions. */
final class WholeRowTest {
    private static final int[] TOKENS = {0, 38, 69, 1064, 768, 268, 260, 300};
    private static final int[] POSITIONS = {0, 2, 5, 7};

    private static LanguageModelTeacher model;
    private static RowColumns whole;

    @BeforeAll
    static void load() throws Exception {
        model = LanguageModelTeacher.load(
                "demo",
                Path.of("../examples/state-of-the-union/teacher"),
                new ModelOptions("cpu", ComputePrecision.FLOAT32, 1),
                false);
        whole = rows(new ScoreItem(TOKENS, POSITIONS), RowContent.topK(FakeEngine.VOCABULARY));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static RowColumns rows(ScoreItem item, RowContent content) {
        return ((ScoreOutcome.Scored) model.score(List.of(item), content).get(0)).rows();
    }

    private static void requireAsTheModel(Selection selection, boolean rawLogits) {
        RowContent content = new RowContent(selection, rawLogits);
        int[][] chosen = selection.keepsChosen()
                ? IntStream.range(0, POSITIONS.length)
                        .mapToObj(i -> new int[] {300 + i, 7, 4000})
                        .toArray(int[][]::new)
                : new int[0][];
        ScoreItem item = new ScoreItem(TOKENS, POSITIONS, chosen);
        assertThat(WholeRow.isNeeded(content)).isTrue();
        WholeRow cut = new WholeRow(item, content, FakeEngine.VOCABULARY);
        RowColumns found = cut.columns();
        for (int row = 0; row < POSITIONS.length; row++) {
            int from = row * whole.stride();
            cut.fill(
                    found,
                    row,
                    Arrays.copyOfRange(whole.ids(), from, from + FakeEngine.VOCABULARY),
                    Arrays.copyOfRange(whole.logProbabilities(), from, from + FakeEngine.VOCABULARY));
        }
        RowColumns expected = rows(item, content);
        assertThat(found.counts()).as("%s", selection).isEqualTo(expected.counts());
        for (int row = 0; row < POSITIONS.length; row++) {
            assertThat(found.logTailMass()[row]).isCloseTo(expected.logTailMass()[row], within(1e-4f));
            for (int i = 0; i < expected.counts()[row]; i++) {
                int at = row * found.stride() + i;
                int other = row * expected.stride() + i;
                assertThat(found.ids()[at]).isEqualTo(expected.ids()[other]);
                assertThat(found.logProbabilities()[at]).isCloseTo(expected.logProbabilities()[other], within(1e-5f));
                if (selection.keepsDraws()) {
                    assertThat(found.drawCounts()[at]).isEqualTo(expected.drawCounts()[other]);
                }
                if (rawLogits) {
                    assertThat(found.logits()[at] - found.logSumExp()[row])
                            .isCloseTo(expected.logits()[other] - expected.logSumExp()[row], within(1e-4f));
                }
            }
        }
        for (int i = 0; i < expected.temperatureOffsets().length; i++) {
            assertThat(found.temperatureOffsets()[i]).isCloseTo(expected.temperatureOffsets()[i], within(1e-4f));
            assertThat(found.temperedLogTails()[i]).isCloseTo(expected.temperedLogTails()[i], within(1e-3f));
        }
    }

    @Test
    void temperatures_areTheModels() {
        requireAsTheModel(new Selection.TopK(10, List.of(0.5f, 1f, 3f)), false);
        requireAsTheModel(new Selection.LabelOnly(List.of(2f)), false);
        requireAsTheModel(new Selection.TopK(FakeEngine.VOCABULARY, List.of(2f)), false);
    }

    @Test
    void logits_areTheModelsButForOneNumberARow() {
        requireAsTheModel(new Selection.TopK(10, List.of()), true);
    }

    @Test
    void prefix_atAnotherTemperature_isTheModels() {
        requireAsTheModel(new Selection.TopPK(0.9, 50, 2f, List.of()), false);
        requireAsTheModel(new Selection.TopPK(0.5, 200, 0.5f, List.of(2f)), false);
    }

    @Test
    void chosenIds_areTheModels() {
        requireAsTheModel(new Selection.Chosen(3, List.of(2f)), false);
    }

    @Test
    void draws_areTheModels() {
        for (long seed = 0; seed < 5; seed++) {
            requireAsTheModel(new Selection.Draws(40, 0, seed, List.of()), false);
            requireAsTheModel(new Selection.Draws(25, 6, seed, List.of(2f)), false);
        }
    }

    @Test
    void isNeeded_forWhatTheBestTell_isFalse() {
        for (Selection selection : List.of(
                new Selection.TopK(5, List.of()),
                new Selection.TopFraction(0.01, List.of()),
                new Selection.LabelOnly(List.of()))) {
            assertThat(WholeRow.isNeeded(RowContent.of(selection))).isFalse();
        }
    }
}
