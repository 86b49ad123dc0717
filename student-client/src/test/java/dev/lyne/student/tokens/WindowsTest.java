package dev.lyne.student.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class WindowsTest {
    @TempDir
    Path directory;

    /** Each character of a random corpus is unique in its document, so a window tells which tokens it predicts. */
    @Test
    void window_randomDocuments_predictsEachTokenAfterTheFirstOnce() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 20; round++) {
            FakeText encoder = random.nextBoolean() ? FakeText.withSpecials() : FakeText.plain();
            List<Document> documents = new ArrayList<>();
            int count = 1 + random.nextInt(12);
            for (int d = 0; d < count; d++) {
                documents.add(
                        new Document("d" + d, unique(d, 0, random.nextInt(30)), unique(d, 40, 1 + random.nextInt(60))));
            }
            int context = 2 + random.nextInt(20);
            TokenStore store = TokenStore.open(
                    directory.resolve("r" + round), FakeText.source(documents), encoder, 2, 50, (done, total) -> {});
            Windows windows;
            try {
                windows = new Windows(store, context);
            } catch (IllegalArgumentException e) {
                assertThat(documents)
                        .as("seed " + seed)
                        .hasSize(1)
                        .allMatch(d -> d.text().length() == 1);
                continue;
            }
            assertPredictedOnce(seed, windows, documents, encoder, context);
        }
    }

    private static void assertPredictedOnce(
            long seed, Windows windows, List<Document> documents, FakeText encoder, int context) {
        Map<Integer, Integer> predicted = new HashMap<>();
        long positions = 0;
        long before = -1;
        for (long w = 0; w < windows.count(); w++) {
            Window window = windows.window(w);
            assertThat(window.tokens().length).as("seed " + seed).isBetween(2, context);
            assertThat(window.positions()).as("seed " + seed).isNotEmpty().isSorted();
            assertThat(Arrays.stream(window.tokens())
                            .filter(t -> t >= 1000)
                            .map(t -> t / 1000)
                            .distinct()
                            .count())
                    .as("documents in a window, seed " + seed)
                    .isLessThanOrEqualTo(1);
            for (int position : window.positions()) {
                int label = window.tokens()[position + 1];
                positions++;
                if (label >= 1000) {
                    predicted.merge(label, 1, Integer::sum);
                    assertThat((long) label).as("corpus order, seed " + seed).isGreaterThan(before);
                    before = label;
                }
            }
        }
        long expected = 0;
        for (Document document : documents) {
            boolean firstIsPredicted =
                    encoder.bosId().isPresent() || !document.prompt().isEmpty();
            int[] text = document.text().chars().toArray();
            for (int i = firstIsPredicted ? 0 : 1; i < text.length; i++) {
                assertThat(predicted.remove(text[i]))
                        .as("token " + text[i] + ", seed " + seed)
                        .isEqualTo(1);
                expected++;
            }
            expected += encoder.eosId().isPresent() ? 1 : 0;
        }
        assertThat(predicted).as("prompt tokens predicted, seed " + seed).isEmpty();
        assertThat(positions).as("seed " + seed).isEqualTo(expected).isEqualTo(windows.lossTokens());
    }

    @Test
    void window_documentLongerThanContext_overlapsByOneToken() throws IOException {
        Windows windows = windows(List.of(new Document("d", "", "abcdefg")), FakeText.plain(), 4);
        assertThat(windows.count()).isEqualTo(2);
        assertThat(windows.window(0).tokens()).containsExactly('a', 'b', 'c', 'd');
        assertThat(windows.window(1).tokens()).containsExactly('d', 'e', 'f', 'g');
    }

    @Test
    void window_promptLongerThanContext_leavesOutWindowsWithoutLoss() throws IOException {
        Windows windows = windows(List.of(new Document("d", "pppppp", "xy")), FakeText.withSpecials(), 4);
        assertThat(windows.count()).isEqualTo(1);
        assertThat(windows.window(0).tokens()).containsExactly('p', 'x', 'y', FakeText.EOS);
        assertThat(windows.window(0).positions()).containsExactly(0, 1, 2);
    }

    @Test
    void windows_nothingToPredict_isRefused() throws IOException {
        assertThatThrownBy(() -> windows(List.of(new Document("d", "", "x")), FakeText.plain(), 4))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no token to predict");
        assertThatThrownBy(() -> windows(List.of(new Document("d", "", "xyz")), FakeText.plain(), 1))
                .hasMessage("context: 1 (expected: 2 or more)");
    }

    @Test
    void packing_anythingDifferent_givesAnotherDigest() throws IOException {
        List<Document> documents = List.of(new Document("d", "", "abcdefg"));
        Windows windows = windows(documents, FakeText.plain(), 4);
        assertThat(windows.packing(7).sha256())
                .isEqualTo(windows(documents, FakeText.plain(), 4).packing(7).sha256())
                .isNotEqualTo(windows.packing(8).sha256())
                .isNotEqualTo(windows(documents, FakeText.plain(), 5).packing(7).sha256())
                .isNotEqualTo(windows(documents, FakeText.withSpecials(), 4)
                        .packing(7)
                        .sha256());
    }

    @Test
    void at_anyEpoch_isAPermutationThatDependsOnSeedAndEpochOnly() {
        for (long count : new long[] {1, 2, 3, 17, 1000}) {
            EpochOrder order = new EpochOrder(count, 5);
            assertThat(permutation(order, count, 3))
                    .containsExactlyElementsOf(permutation(new EpochOrder(count, 5), count, 3));
            assertThat(permutation(order, count, 0).stream().distinct().count()).isEqualTo(count);
            assertThat(permutation(order, count, 0)).allMatch(i -> i >= 0 && i < count);
        }
        assertThat(permutation(new EpochOrder(1000, 5), 1000, 0))
                .isNotEqualTo(permutation(new EpochOrder(1000, 5), 1000, 1))
                .isNotEqualTo(permutation(new EpochOrder(1000, 6), 1000, 0));
    }

    private static List<Long> permutation(EpochOrder order, long count, long epoch) {
        List<Long> result = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            result.add(order.at(epoch, i));
        }
        return result;
    }

    private Windows windows(List<Document> documents, FakeText encoder, int context) throws IOException {
        return new Windows(
                TokenStore.open(directory, FakeText.source(documents), encoder, 1, (done, total) -> {}), context);
    }

    private static String unique(int document, int from, int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append((char) (1000 * (document + 1) + from + i));
        }
        return text.toString();
    }
}
