package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.engine.ProductKernels;
import dev.lyne.lm.engine.WeightLayout;
import dev.lyne.lm.model.Architecture;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

final class ScoringModelTest {
    private static final ModelOptions FLOAT32 = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
    private static final RowContent WIDE =
            new RowContent(new Selection.TopPK(0.9, 20, 1.5f, List.of(0.5f, 1f, 2f)), false);
    private static final long SEED = 20;

    @TempDir
    private Path directory;

    @TestFactory
    Stream<DynamicTest> score_paddedBatch_agreesWithA64BitForward() {
        return RandomModel.variants().entrySet().stream()
                .map(entry ->
                        DynamicTest.dynamicTest(entry.getKey(), () -> check(entry.getValue(), RandomModel.VOCABULARY)));
    }

    @Test
    void score_tokenizerSmallerThanTheMatrix_normalisesOverTheTokenizersIds() throws IOException {
        check(variant("llama, tied"), 47);
    }

    /** Queries go in blocks where a window is shorter than the sequence: positions about the blocks' ends, long and short sequences. */
    @Test
    void score_windowsInLongSequences_agreesWithA64BitForward() throws IOException {
        ModelConfiguration shape = variant("qwen2, biases, one window");
        Map<String, double[]> weights = RandomModel.weights(shape, SEED);
        RandomModel.write(directory, shape, weights);
        Random random = new Random(SEED);
        List<ScoreItem> items = List.of(
                new ScoreItem(
                        RandomModel.tokens(random, 530), new int[] {0, 3, 4, 254, 255, 256, 257, 260, 511, 512, 529}),
                new ScoreItem(RandomModel.tokens(random, 3), new int[] {0, 2}),
                new ScoreItem(RandomModel.tokens(random, 257), new int[] {252, 255, 256}));
        ReferenceTransformer reference = new ReferenceTransformer(shape, weights);
        RowContent all = RowContent.topK(RandomModel.VOCABULARY);
        for (boolean deterministic : new boolean[] {false, true}) {
            var options = new ScoringOptions(RandomModel.VOCABULARY, 64, deterministic);
            try (ScoringModel model = ScoringModel.load(directory, FLOAT32, options)) {
                List<ScoreOutcome> outcomes = model.score(items, all);
                for (int i = 0; i < items.size(); i++) {
                    double[][] logits = reference.logits(items.get(i).tokens());
                    check(items.get(i), logits, RandomModel.VOCABULARY, all, (ScoreOutcome.Scored) outcomes.get(i));
                }
            }
        }
    }

    private static List<RowContent> selections(int vocabulary) {
        return List.of(
                WIDE,
                RowContent.topK(3),
                RowContent.topK(vocabulary),
                new RowContent(new Selection.TopPK(0.95, vocabulary, 0.7f, List.of()), true),
                new RowContent(new Selection.Draws(30, 0, 7, List.of(0.5f)), true),
                RowContent.of(new Selection.Draws(300, 0, -1, List.of())),
                new RowContent(new Selection.Draws(12, 5, 7, List.of()), true),
                RowContent.of(new Selection.Draws(5, vocabulary, 7, List.of())),
                new RowContent(new Selection.Chosen(vocabulary, List.of(2f)), true),
                new RowContent(new Selection.LabelOnly(List.of(2f)), true));
    }

    /** The same sequences, with ids chosen for each position where the selection wants them: none, some or all. */
    private static List<ScoreItem> asking(RowContent selection, List<ScoreItem> items, int vocabulary) {
        if (!(selection.selection() instanceof Selection.Chosen)) {
            return items;
        }
        List<Integer> ids = IntStream.range(0, vocabulary).boxed().collect(Collectors.toCollection(ArrayList::new));
        Random random = new Random(SEED);
        return items.stream()
                .map(item -> new ScoreItem(
                        item.tokens(),
                        item.positions(),
                        Arrays.stream(item.positions())
                                .mapToObj(position -> {
                                    Collections.shuffle(ids, random);
                                    int count = position % 3 == 2 ? vocabulary : position % 3 * 5;
                                    return ids.stream()
                                            .limit(count)
                                            .mapToInt(Integer::intValue)
                                            .toArray();
                                })
                                .toArray(int[][]::new)))
                .toList();
    }

    private void check(ModelConfiguration shape, int vocabulary) throws IOException {
        Map<String, double[]> weights = RandomModel.weights(shape, SEED);
        RandomModel.write(directory, shape, weights);
        // Seeds whose draws and ranks are nowhere within the rounding of 32 bits of each other.
        Random random = new Random(
                shape.architecture() != Architecture.LLAMA
                        ? SEED + 2
                        : shape.modelType().equals("mistral") ? SEED + 1 : SEED);
        List<ScoreItem> items = List.of(
                new ScoreItem(
                        random.ints(23, 0, vocabulary).toArray(),
                        IntStream.range(0, 23).toArray()),
                new ScoreItem(random.ints(9, 0, vocabulary).toArray(), new int[] {2, 3, 8}),
                new ScoreItem(random.ints(17, 0, vocabulary).toArray(), new int[0]),
                new ScoreItem(new int[] {5}, new int[] {0}));
        ReferenceTransformer reference = new ReferenceTransformer(shape, weights);
        List<double[][]> logits =
                items.stream().map(item -> reference.logits(item.tokens())).toList();
        for (ScoringOptions options :
                List.of(new ScoringOptions(vocabulary, 7, false), new ScoringOptions(vocabulary, 7, true))) {
            try (ScoringModel model = ScoringModel.load(directory, FLOAT32, options)) {
                for (RowContent selection : selections(vocabulary)) {
                    List<ScoreItem> asked = asking(selection, items, vocabulary);
                    List<ScoreOutcome> outcomes = model.score(asked, selection);
                    for (int i = 0; i < items.size(); i++) {
                        check(asked.get(i), logits.get(i), vocabulary, selection, (ScoreOutcome.Scored)
                                outcomes.get(i));
                    }
                }
            }
        }
    }

    private static void check(
            ScoreItem item, double[][] logits, int vocabulary, RowContent selection, ScoreOutcome.Scored scored) {
        RowColumns rows = scored.rows();
        assertThat(scored.positions()).containsExactly(item.positions());
        for (int row = 0; row < rows.rows(); row++) {
            int position = scored.positions()[row];
            String where = "position " + position + ", " + selection + ", seed " + SEED;
            ExpectedRow expected = ExpectedRow.of(Arrays.copyOf(logits[position], vocabulary), selection, item, row);
            expected.check(rows, row, selection, where);
            if (position == item.tokens().length - 1) {
                assertThat(rows.labelLogProbability()[row]).as(where).isNaN();
            } else {
                assertThat((double) rows.labelLogProbability()[row])
                        .as(where)
                        .isCloseTo(expected.logProbabilities[item.tokens()[position + 1]], within(3e-5));
            }
        }
    }

    @Test
    void score_oneSequenceMakesNaN_failsThatOneAlone() throws IOException {
        ModelConfiguration shape = variant("llama, grouped, all biases");
        Map<String, double[]> weights = RandomModel.weights(shape, SEED);
        double[] embedding = Objects.requireNonNull(weights.get("model.embed_tokens.weight"));
        embedding[7 * shape.sizes().hidden()] = Double.NaN; // token 7
        RandomModel.write(directory, shape, weights);
        List<ScoreItem> items = List.of(
                new ScoreItem(new int[] {1, 2, 3}, new int[] {0, 1, 2}),
                new ScoreItem(new int[] {1, 2, 7, 4}, new int[] {2, 3}),
                new ScoreItem(new int[] {4}, new int[] {0}));
        for (boolean deterministic : new boolean[] {false, true}) {
            ScoringOptions options = new ScoringOptions(RandomModel.VOCABULARY, 4, deterministic);
            try (ScoringModel model = ScoringModel.load(directory, FLOAT32, options)) {
                List<ScoreOutcome> outcomes = model.score(items, WIDE);
                assertThat(outcomes.get(0)).isInstanceOf(ScoreOutcome.Scored.class);
                assertThat(outcomes.get(1)).isEqualTo(new ScoreOutcome.NotFinite(2));
                assertThat(outcomes.get(2)).isInstanceOf(ScoreOutcome.Scored.class);
            }
        }
    }

    @Test
    void load_twice_givesTheSameDigestAndAFingerprint() throws IOException {
        ModelConfiguration shape = variant("llama, tied");
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        ModelOptions bfloat16 = new ModelOptions("cpu", ComputePrecision.BFLOAT16, 0);
        try (ScoringModel one = ScoringModel.load(directory, FLOAT32, ScoringOptions.of(61));
                ScoringModel same = ScoringModel.load(directory, FLOAT32, ScoringOptions.of(61));
                ScoringModel other = ScoringModel.load(directory, bfloat16, ScoringOptions.of(61))) {
            assertThat(one.digest()).hasSize(32).isEqualTo(same.digest()).isNotEqualTo(other.digest());
            assertThat(one.parameters()).isEqualTo(shape.parameters());
            assertThat(one.fingerprint()).isEqualTo(same.fingerprint());
            assertThat(one.fingerprint().torchVersion()).startsWith("2.");
            assertThat(one.fingerprint().threads()).isPositive();
            assertThat(one.fingerprint().arithmeticVersion()).isPositive();
            assertThat(one.fingerprint().cpuCapability()).matches("(AVX512|AVX2|DEFAULT)");
            assertThat(other.fingerprint().computePrecision()).isEqualTo("bfloat16");
        }
    }

    @Test
    void fingerprint_namesWhatOneDnnMultiplies_andDeterministicModeHasPyTorchsAlone() throws IOException {
        ModelConfiguration shape =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(61, 64, 256, 1), 4, 2, 704, 10_000, true);
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        ScoringOptions deterministic = new ScoringOptions(61, 64, true);
        try (ScoringModel oneDnn = ScoringModel.load(
                        directory,
                        shape,
                        FLOAT32,
                        ScoringOptions.of(61),
                        () -> ProductKernels.allOneDnn(shape, WeightLayout.merged(shape)));
                ScoringModel fixed = ScoringModel.load(directory, FLOAT32, deterministic)) {
            assertThat(oneDnn.fingerprint().cpuCapability())
                    .endsWith(", oneDNN 256x256 256x704 512x256 61x256 704x256");
            assertThat(fixed.fingerprint().cpuCapability()).matches("(AVX512|AVX2|DEFAULT)");
        }
    }

    @Test
    void score_itemThatDoesNotFit_isRefused() throws IOException {
        ModelConfiguration shape = variant("llama, tied");
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        try (ScoringModel model = ScoringModel.load(directory, FLOAT32, ScoringOptions.of(50))) {
            refused(model, new int[] {1, 50}, new int[] {0}, 4, "token 50 (expected: 0..49)");
            refused(model, new int[] {1, 2}, new int[] {2}, 4, "position 2 after -1 (expected: ascending, 0..1)");
            refused(model, new int[] {1, 2}, new int[] {1, 1}, 4, "position 1 after 1");
            refused(model, new int[0], new int[0], 4, "0 tokens (expected: 1..context=1024)");
            refused(model, new int[] {1, 2}, new int[] {0}, 51, "k 51 (expected: 1..vocabulary_size=50)");
        }
        assertThatThrownBy(() -> ScoringModel.load(directory, FLOAT32, ScoringOptions.of(62)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("62 (expected: 1..vocab_size=61)");
    }

    private static void refused(ScoringModel model, int[] tokens, int[] positions, int k, String message) {
        assertThatThrownBy(() -> model.score(List.of(new ScoreItem(tokens, positions)), RowContent.topK(k)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void score_chosenIdsOrHeadThatDoNotFit_areRefused() throws IOException {
        ModelConfiguration shape = variant("llama, tied");
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        try (ScoringModel model = ScoringModel.load(directory, FLOAT32, ScoringOptions.of(50))) {
            RowContent three = RowContent.of(new Selection.Chosen(3, List.of()));
            String where = "item 0, position 1: ";
            refused(model, three, new int[][] {{1}, {2, 50}}, where + "chosen id 50 (expected: 0..49)");
            refused(model, three, new int[][] {{1}, {2, -1}}, where + "chosen id -1 (expected: 0..49)");
            refused(model, three, new int[][] {{1}, {4, 2, 4}}, where + "chosen id 4 twice (expected: distinct ids)");
            refused(model, three, new int[][] {{}, {1, 2, 3, 4}}, where + "4 chosen ids (expected: at most k=3)");
            refused(model, three, new int[][] {{1}}, "item 0: ids chosen for 1 positions (expected: 2, one list");
            refused(
                    model,
                    RowContent.topK(3),
                    new int[][] {{1}, {2}},
                    "item 0: ids chosen for 2 positions (expected: none");
            refused(
                    model,
                    RowContent.of(new Selection.Chosen(51, List.of())),
                    new int[0][],
                    "k 51 (expected: 1..vocabulary_size=50)");
            refused(
                    model,
                    RowContent.of(new Selection.Draws(1, 51, 0, List.of())),
                    new int[0][],
                    "head 51 (expected: 0..vocabulary_size=50)");
        }
        assertThatThrownBy(() -> new Selection.Draws(65_537, 0, 0, List.of()))
                .hasMessage("selection: draws 65537 (expected: 1..65536)");
        assertThatThrownBy(() -> new Selection.Draws(1, -1, 0, List.of()))
                .hasMessage("selection: head -1 (expected: 0..vocabulary_size)");
    }

    @Test
    void score_moreEntriesThanAForwardHolds_runsInSeveralOrIsRefused() throws IOException {
        int vocabulary = 40_000;
        ModelConfiguration shape =
                ModelConfiguration.llama(new ModelConfiguration.Sizes(vocabulary, 8192, 8, 1), 1, 1, 8, 10_000, true);
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        RowContent selection = RowContent.of(new Selection.Chosen(vocabulary, List.of()));
        List<ScoreItem> items = IntStream.of(600, 1, 600, 600) // positions of at most 24 million entries, of 67
                .mapToObj(positions -> new ScoreItem(
                        new Random(SEED).ints(600, 0, vocabulary).toArray(),
                        IntStream.range(0, positions).toArray(),
                        IntStream.range(0, positions)
                                .mapToObj(position -> new int[] {position, position + 1})
                                .toArray(int[][]::new)))
                .toList();
        try (ScoringModel model = ScoringModel.load(directory, FLOAT32, ScoringOptions.of(vocabulary))) {
            List<ScoreOutcome> outcomes = model.score(items, selection);
            assertThat(outcomes).hasSize(4);
            for (int i = 0; i < items.size(); i++) {
                RowColumns rows = rows(outcomes.get(i));
                assertThat(((ScoreOutcome.Scored) outcomes.get(i)).positions())
                        .isEqualTo(items.get(i).positions());
                assertThat(rows.ids()[0] + rows.ids()[1]).isOne();
                assertThat(rows.logProbabilities()[0])
                        .isCloseTo(rows(outcomes.get(0)).logProbabilities()[0], within(1e-4f));
            }
            int[] tokens = new int[6_800];
            ScoreItem tooLong = new ScoreItem(tokens, IntStream.range(0, 6_800).toArray());
            assertThatThrownBy(() -> model.score(List.of(tooLong), RowContent.topK(vocabulary)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "item 0: 272000000 entries in its rows (expected: at most 268435456; ask for fewer positions"
                                    + " or entries)");
        }
    }

    private static void refused(ScoringModel model, RowContent selection, int[][] chosen, String message) {
        ScoreItem item = new ScoreItem(new int[] {1, 2, 3}, new int[] {0, 1}, chosen);
        assertThatThrownBy(() -> model.score(List.of(item), selection))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    private static ModelConfiguration variant(String name) {
        return Objects.requireNonNull(RandomModel.variants().get(name), name);
    }

    private static RowColumns rows(ScoreOutcome outcome) {
        return ((ScoreOutcome.Scored) outcome).rows();
    }
}
