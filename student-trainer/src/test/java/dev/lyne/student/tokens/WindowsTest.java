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
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
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

    private static String seen(Window window) {
        return text(window.forTeacher().tokens()) + "@"
                + Arrays.toString(window.forTeacher().positions());
    }

    @Test
    void window_teacherPrompt_isWholeBeforeTheSameResponse() throws IOException {
        List<Document> documents = List.of(
                new Document("d", "pqrstu", Optional.of("TEACHERSEES"), "xyz"),
                new Document("e", "pq", "xy"),
                new Document("f", "", Optional.of("T"), "abcdef"));
        Windows windows = windows(documents, FakeText.withSpecials(), 4);
        String bos = Character.toString(FakeText.BOS);
        String eos = Character.toString(FakeText.EOS);
        assertThat(windows.window(0).tokens()).containsExactly('t', 'u', 'x', 'y');
        assertThat(windows.window(0).positions()).containsExactly(1, 2);
        assertThat(seen(windows.window(0))).isEqualTo(bos + "TEACHERSEESxy@[11, 12]");
        assertThat(windows.window(1).tokens()).containsExactly('x', 'y', 'z', FakeText.EOS);
        assertThat(seen(windows.window(1))).isEqualTo(bos + "TEACHERSEESxyz" + eos + "@[13, 14]");
        assertThat(windows.window(2).teacherTokens()).isEmpty();
        Window seenAsItIs = windows.window(2);
        assertThat(seenAsItIs.forTeacher()).isSameAs(seenAsItIs);
        List<String> last = new ArrayList<>();
        for (long w = 4; w < windows.count(); w++) {
            last.add(seen(windows.window(w)));
        }
        assertThat(last)
                .containsExactly(bos + "Tabc@[1, 2, 3]", bos + "Tabcdef@[4, 5, 6]", bos + "Tabcdef" + eos + "@[7]");
        assertThat(windows.packing(1).windowRule()).isEqualTo("responses by half contexts, behind teacher prompts");
        windows.requireSeenBy(16);
        assertThatThrownBy(() -> windows.requireSeenBy(15))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "teacher_prompt: 16 tokens with its response (expected: at most the teacher's context_length=15)");

        Windows passages = windows.passages();
        Windows.Passage passage = passages.passage(0, 2, 2);
        assertThat(text(passage.prompt()) + "|" + text(passage.continuation())).isEqualTo("tu|xy");
        assertThat(text(passage.teacherPrompt())).isEqualTo(bos + "TEACHERSEES");
        passages.requirePassagesSeenBy(14, 2, 2);
        assertThatThrownBy(() -> passages.requirePassagesSeenBy(13, 2, 2)).hasMessageContaining("14 tokens");
    }

    @Test
    void window_documentLongerThanContext_overlapsByOneToken() throws IOException {
        Windows windows = windows(List.of(new Document("d", "", "abcdefg")), FakeText.plain(), 4);
        assertThat(windows.count()).isEqualTo(2);
        assertThat(windows.window(0).tokens()).containsExactly('a', 'b', 'c', 'd');
        assertThat(windows.window(1).tokens()).containsExactly('d', 'e', 'f', 'g');
    }

    @Test
    void window_promptLongerThanContext_keepsHalfAContextOfIt() throws IOException {
        Windows windows = windows(List.of(new Document("d", "pqrstu", "xyz")), FakeText.withSpecials(), 4);
        assertThat(windows.count()).isEqualTo(2);
        assertThat(windows.window(0).tokens()).containsExactly('t', 'u', 'x', 'y');
        assertThat(windows.window(0).positions()).containsExactly(1, 2);
        assertThat(windows.window(1).tokens()).containsExactly('x', 'y', 'z', FakeText.EOS);
        assertThat(windows.window(1).positions()).containsExactly(1, 2);
        assertThat(windows.cut()).isEqualTo(new Windows.Cut(4, 2));
        assertThat(windows.sample(1).cut().windows()).isEqualTo(1);
        Windows whole = windows(List.of(new Document("d", "pqrstu", "xyz")), FakeText.withSpecials(), 40);
        assertThat(whole.window(0).tokens()).hasSize(11);
        assertThat(whole.cut()).isEqualTo(new Windows.Cut(0, 0));
    }

    @Test
    void passages_recordsAndPlainDocuments_beginEachRecordOnceAndFullWindowsAlone() throws IOException {
        List<Document> documents = List.of(
                new Document("a", "pqrstu", "0123456789"), // five windows of four
                new Document("b", "", "abcdefghi"), // windows of abcd, defg, ghi
                new Document("c", "x", "yz"),
                new Document("d", "", "kl"));
        Windows passages = windows(documents, FakeText.plain(), 4).passages();
        List<String> found = new ArrayList<>();
        for (long i = 0; i < passages.count(); i++) {
            Windows.Passage passage = passages.passage(i, 3, 5);
            found.add(text(passage.prompt()) + "|" + text(passage.continuation()));
        }
        assertThat(found).containsExactly("tu|01234", "ab|cdefg", "de|fghi", "x|yz", "k|l");
        assertThat(passages.cutPrompts(5)).isEqualTo(1);
        assertThat(text(passages.passage(0, 3, 1).prompt()))
                .as("room for one token")
                .isEqualTo("stu");
        assertThat(windows(documents, FakeText.plain(), 40).passages().cutPrompts(5))
                .isZero();
    }

    @Test
    void ofDocuments_someNumbers_keepsTheirWindowsAcrossShards() throws IOException {
        List<Document> documents = IntStream.range(0, 7)
                .mapToObj(d -> new Document("d" + d, "", unique(d, 0, 9)))
                .toList();
        TokenStore store = TokenStore.open(
                directory.resolve("shards"), FakeText.source(documents), FakeText.plain(), 2, 20, (done, total) -> {});
        assertThat(store.shards()).isGreaterThan(2);
        Windows third = new Windows(store, 6).ofDocuments(number -> number % 3 == 0);
        List<Integer> found = new ArrayList<>();
        for (long i = 0; i < third.count(); i++) {
            found.add(third.window(i).tokens()[0] / 1000);
        }
        assertThat(found).containsExactly(1, 1, 4, 4, 7, 7);
    }

    private static String text(int[] tokens) {
        return new String(tokens, 0, tokens.length);
    }

    /** Every length of prompt and response in every small context, one record a corpus and all of them as one. */
    @Test
    void window_promptAndResponse_predictsEachResponseTokenOnceFromHalfAContext() throws IOException {
        for (FakeText encoder : List.of(FakeText.plain(), FakeText.withSpecials())) {
            List<Document> documents = new ArrayList<>();
            for (int prompt = 1; prompt <= 12; prompt++) {
                for (int response = 1; response <= 24; response++) {
                    documents.add(new Document("d", unique(1, 0, prompt), unique(1, 40, response)));
                }
            }
            for (int context = 2; context <= 18; context++) {
                Windows windows = windows(documents, encoder, context);
                long number = 0;
                long lost = 0;
                long cut = 0;
                for (Document document : documents) {
                    int[] tokens = tokens(document, encoder);
                    int promptLength = tokens.length
                            - document.text().length()
                            - (encoder.eosId().isPresent() ? 1 : 0);
                    int predicted = promptLength;
                    for (boolean first = true; predicted < tokens.length; first = false) {
                        Window window = windows.window(number++);
                        int end = Math.min(tokens.length, predicted + context / 2);
                        int start = Math.max(0, end - context);
                        String as = "context " + context + ", " + document;
                        assertThat(window.tokens()).as(as).containsExactly(Arrays.copyOfRange(tokens, start, end));
                        assertThat(window.positions())
                                .as(as)
                                .containsExactly(IntStream.range(predicted - 1 - start, end - 1 - start)
                                        .toArray());
                        int seen = window.positions()[0] + 1;
                        assertThat(2 * seen).as(as).isGreaterThanOrEqualTo(Math.min(context, 2 * predicted));
                        lost += first ? Math.max(0, start - (encoder.bosId().isPresent() ? 1 : 0)) : 0;
                        cut += start > 0 ? 1 : 0;
                        predicted = end;
                    }
                }
                assertThat(windows.count()).isEqualTo(number);
                assertThat(windows.cut()).isEqualTo(new Windows.Cut(lost, cut));
                assertThat(windows.sample(number).cut()).isEqualTo(windows.cut());
                assertThat(windows.lossTokens())
                        .isEqualTo(documents.stream()
                                .mapToLong(d ->
                                        d.text().length() + (encoder.eosId().isPresent() ? 1 : 0))
                                .sum());
            }
        }
    }

    private static int[] tokens(Document document, FakeText encoder) {
        return IntStream.concat(
                        IntStream.concat(encoder.bosId().stream(), (document.prompt() + document.text()).chars()),
                        encoder.eosId().stream())
                .toArray();
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
    void windows_everyDocumentSkipped_namesTheFirst() throws IOException {
        DocumentSource none = new DocumentSource() {
            @Override
            public byte[] sha256() {
                return CorpusDigests.sha256("none");
            }

            @Override
            public long totalBytes() {
                return 2;
            }

            @Override
            public boolean skipsInvalid() {
                return true;
            }

            @Override
            public void read(Sink sink) throws IOException {
                sink.skip("a.jsonl:1: no JSON");
                sink.skip("a.jsonl:2: no JSON");
            }
        };
        TokenStore store = TokenStore.open(directory, none, FakeText.plain(), 1, (done, total) -> {});
        assertThatThrownBy(() -> new Windows(store, 4))
                .hasMessage("corpus: no token to predict (expected: a document of two tokens or more);"
                        + " 2 documents were skipped, the first: a.jsonl:1: no JSON");
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
