package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.model.ModelOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

final class ScoringModelTest {
    private static final ModelOptions FLOAT32 = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
    private static final RowSelection WIDE =
            new RowSelection(new Kept.Top(20, 0.9, 1.5f), List.of(0.5f, 1f, 2f), false);
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

    private void check(ModelConfiguration shape, int vocabulary) throws IOException {
        Map<String, double[]> weights = RandomModel.weights(shape, SEED);
        RandomModel.write(directory, shape, weights);
        Random random = new Random(SEED);
        List<ScoreItem> items = List.of(
                new ScoreItem(
                        random.ints(23, 0, vocabulary).toArray(),
                        IntStream.range(0, 23).toArray()),
                new ScoreItem(random.ints(9, 0, vocabulary).toArray(), new int[] {2, 3, 8}),
                new ScoreItem(random.ints(17, 0, vocabulary).toArray(), new int[0]),
                new ScoreItem(new int[] {5}, new int[] {0}));
        ReferenceTransformer reference = new ReferenceTransformer(shape, weights);
        for (ScoringOptions options :
                List.of(new ScoringOptions(vocabulary, 7, false), new ScoringOptions(vocabulary, 7, true))) {
            try (ScoringModel model = ScoringModel.load(directory, FLOAT32, options)) {
                for (RowSelection selection : List.of(WIDE, RowSelection.topK(3), RowSelection.topK(vocabulary))) {
                    List<ScoreOutcome> outcomes = model.score(items, selection);
                    for (int i = 0; i < items.size(); i++) {
                        check(items.get(i), reference, vocabulary, selection, rows(outcomes.get(i)));
                    }
                }
            }
        }
    }

    private static void check(
            ScoreItem item, ReferenceTransformer reference, int vocabulary, RowSelection selection, SelectedRows rows) {
        double[][] logits = reference.logits(item.tokens());
        assertThat(rows.positions()).containsExactly(item.positions());
        assertThat(rows.stride()).isLessThanOrEqualTo(((Kept.Top) selection.kept()).k());
        for (int row = 0; row < rows.rows(); row++) {
            int position = rows.positions()[row];
            double[] expected = LogRows.logSoftmax(Arrays.copyOf(logits[position], vocabulary));
            int[] order = LogRows.order(expected);
            int count = LogRows.count(expected, order, (Kept.Top) selection.kept());
            String where = "position " + position + ", " + selection + ", seed " + SEED;
            assertThat(rows.counts()[row]).as(where).isEqualTo(count);
            for (int entry = 0; entry < count; entry++) {
                int at = row * rows.stride() + entry;
                assertThat(rows.ids()[at]).as("entry %d, %s", entry, where).isEqualTo(order[entry]);
                assertThat((double) rows.logProbabilities()[at])
                        .as(where)
                        .isCloseTo(expected[order[entry]], within(3e-5));
            }
            double tail = LogRows.logTail(expected, order, count);
            if (count == vocabulary) {
                assertThat(rows.logTailMass()[row]).as(where).isEqualTo(Float.NEGATIVE_INFINITY);
            } else {
                assertThat((double) rows.logTailMass()[row]).as(where).isCloseTo(tail, within(5e-5));
            }
            if (position == item.tokens().length - 1) {
                assertThat(rows.dataLogProbability()[row]).as(where).isNaN();
            } else {
                assertThat((double) rows.dataLogProbability()[row])
                        .as(where)
                        .isCloseTo(expected[item.tokens()[position + 1]], within(3e-5));
            }
            int temperatures = selection.temperatures().size();
            for (int i = 0; i < temperatures; i++) {
                float temperature = selection.temperatures().get(i);
                assertThat((double) rows.temperatureOffsets()[row * temperatures + i])
                        .as("temperature %s, %s", temperature, where)
                        .isCloseTo(LogRows.temperatureOffset(expected, temperature), within(1e-4));
            }
        }
    }

    @Test
    void score_deterministic_bitsDependOnTheSequenceAlone() throws IOException {
        ModelConfiguration shape =
                ModelConfiguration.llama(128, 2, 4, 2, 256, RandomModel.VOCABULARY, 1024, 10_000, false);
        RandomModel.write(directory, shape, RandomModel.weights(shape, SEED));
        Random random = new Random(SEED);
        int[] tokens = RandomModel.tokens(random, 700);
        ScoreItem all = new ScoreItem(tokens, IntStream.range(0, 700).toArray());
        ScoreItem some = new ScoreItem(tokens, new int[] {3, 255, 256, 640, 699});
        ScoreItem last = new ScoreItem(tokens, new int[] {698});
        ScoreItem other = new ScoreItem(RandomModel.tokens(random, 311), new int[] {0, 310});
        ScoringOptions options = new ScoringOptions(RandomModel.VOCABULARY, 64, true);
        try (ScoringModel model = ScoringModel.load(directory, FLOAT32, options)) {
            SelectedRows whole = rows(model.score(List.of(all), WIDE).get(0));
            List<ScoreOutcome> mixed = model.score(List.of(other, some, last, all), WIDE);
            for (ScoreOutcome outcome : mixed.subList(1, 4)) {
                SelectedRows rows = rows(outcome);
                for (int row = 0; row < rows.rows(); row++) {
                    assertThat(bits(rows, row)).as("row %d", row).isEqualTo(bits(whole, rows.positions()[row]));
                }
            }
        }
    }

    /** Everything that a row says. */
    private static List<Object> bits(SelectedRows rows, int row) {
        int from = row * rows.stride();
        int to = from + rows.counts()[row];
        int temperatures = rows.temperatureOffsets().length / rows.rows();
        return List.of(
                rows.counts()[row],
                Arrays.toString(Arrays.copyOfRange(rows.ids(), from, to)),
                Arrays.toString(Arrays.copyOfRange(rows.logProbabilities(), from, to)),
                Float.floatToRawIntBits(rows.logTailMass()[row]),
                Float.floatToRawIntBits(rows.dataLogProbability()[row]),
                Arrays.toString(
                        Arrays.copyOfRange(rows.temperatureOffsets(), row * temperatures, (row + 1) * temperatures)));
    }

    @Test
    void score_oneSequenceMakesNaN_failsThatOneAlone() throws IOException {
        ModelConfiguration shape = variant("llama, grouped, all biases");
        Map<String, double[]> weights = RandomModel.weights(shape, SEED);
        double[] embedding = Objects.requireNonNull(weights.get("model.embed_tokens.weight"));
        embedding[7 * shape.hiddenSize()] = Double.NaN; // token 7
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
            assertThat(one.fingerprint().cpuCapability()).isIn("AVX512", "AVX2", "DEFAULT");
            assertThat(other.fingerprint().precision()).isEqualTo(ComputePrecision.BFLOAT16);
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
            refused(model, new int[] {1, 2}, new int[] {0}, 51, "k: 51 (expected: 1..vocabulary_size=50)");
        }
        assertThatThrownBy(() -> ScoringModel.load(directory, FLOAT32, ScoringOptions.of(62)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("62 (expected: 1..vocab_size=61)");
    }

    private static void refused(ScoringModel model, int[] tokens, int[] positions, int k, String message) {
        assertThatThrownBy(() -> model.score(List.of(new ScoreItem(tokens, positions)), RowSelection.topK(k)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    private static ModelConfiguration variant(String name) {
        return Objects.requireNonNull(RandomModel.variants().get(name), name);
    }

    private static SelectedRows rows(ScoreOutcome outcome) {
        return ((ScoreOutcome.Scored) outcome).rows();
    }
}
