package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.DecodeEvent;
import dev.lyne.client.DecodeSettings;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDecoder;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TeacherMismatchException;
import dev.lyne.client.TeacherRefusedException;
import dev.lyne.row.Selection;
import dev.lyne.teacher.decode.DecodeOptions;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TinyModelDirectory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Decoding by a real model behind a real server. */
final class DecodedTextsTest {
    private static final long SEED = 6;
    private static final int TEXTS = 10;
    private static final int DRAWS = 40;

    @TempDir
    private Path directory;

    private int vocabulary;

    private TeacherServer serve(boolean deterministic, UnaryOperator<TeacherServerOptions.Builder> options)
            throws IOException, InterruptedException {
        if (vocabulary == 0) {
            TinyModelDirectory.write(directory, TinyModelDirectory.PADDED_VOCABULARY);
        }
        LocalModel model = LanguageModelTeacher.load("tiny", directory, TinyModelDirectory.OPTIONS, deterministic);
        vocabulary = model.description().vocabularySize();
        return TeacherServer.start(
                List.of(model), options.apply(TeacherServerOptions.builder()).build());
    }

    private static TeacherClient connect(TeacherServer... servers) {
        List<String> addresses = Arrays.stream(servers)
                .map(server -> "127.0.0.1:" + server.port())
                .toList();
        return TeacherClient.connect(
                String.join(",", addresses),
                ClientOptions.builder()
                        .student("test")
                        .backoff(Duration.ofMillis(10), Duration.ofMillis(50))
                        .build());
    }

    private List<int[]> prompts() {
        Random random = new Random(SEED);
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < TEXTS; i++) {
            prompts.add(random.ints(1 + random.nextInt(60), 0, vocabulary).toArray());
        }
        return prompts;
    }

    /** A text as it was decoded. */
    private static final class Decoded {
        private int[] text;
        private final List<Float> logProbabilities = new ArrayList<>();
        private final List<Float> under = new ArrayList<>();

        Decoded(int[] prompt) {
            text = prompt;
        }

        void take(int... ids) {
            int from = text.length;
            text = Arrays.copyOf(text, from + ids.length);
            System.arraycopy(ids, 0, text, from, ids.length);
        }

        void answer(DecodeEvent.Answered answered) {
            take(answered.drawnIds());
            for (float value : answered.logProbabilities()) {
                logProbabilities.add(value);
            }
            for (float value : answered.proposalLogProbabilities()) {
                under.add(value);
            }
        }
    }

    private static void answer(Map<Long, Decoded> texts, DecodeEvent event) {
        if (event instanceof DecodeEvent.Failed failed) {
            throw failed.failure();
        }
        Objects.requireNonNull(texts.get(event.key())).answer((DecodeEvent.Answered) event);
    }

    /** Draws texts to their end, each in one run. */
    private Map<Long, Decoded> draw(TeacherDecoder decoder) throws InterruptedException {
        Map<Long, Decoded> texts = new LinkedHashMap<>();
        for (int[] prompt : prompts()) {
            long key = texts.size();
            texts.put(key, new Decoded(prompt));
            decoder.start(key, prompt, DRAWS);
        }
        while (decoder.isOwed()) {
            answer(texts, decoder.take());
        }
        return texts;
    }

    private static Map<Long, List<Integer>> tokens(Map<Long, Decoded> texts) {
        Map<Long, List<Integer>> tokens = new HashMap<>();
        texts.forEach((key, decoded) ->
                tokens.put(key, Arrays.stream(decoded.text).boxed().toList()));
        return tokens;
    }

    @Test
    void logProbabilities_areThoseOfScoring_ofTakenTokensAndOfDrawnOnes() throws Exception {
        try (TeacherServer server = serve(false, options -> options);
                TeacherClient client = connect(server);
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(SEED, Set.of()))) {
            Random random = new Random(SEED);
            Map<Long, Decoded> texts = new LinkedHashMap<>();
            for (int[] prompt : prompts()) {
                long key = texts.size();
                texts.put(key, new Decoded(prompt));
                decoder.start(key, prompt, 0);
            }
            for (int round = 0; round < 15; round++) {
                for (Map.Entry<Long, Decoded> one : texts.entrySet()) {
                    int[] own = random.ints(random.nextInt(4), 0, vocabulary).toArray();
                    one.getValue().take(own);
                    decoder.step(one.getKey(), own, random.nextInt(3));
                }
                while (decoder.isOwed()) {
                    answer(texts, decoder.take());
                }
            }
            List<int[]> prompts = prompts();
            try (TargetStream stream =
                    client.open(new TargetRequest(new Selection.LabelOnly(List.of()), TeacherExpectation.any()))) {
                for (Map.Entry<Long, Decoded> one : texts.entrySet()) {
                    int[] text = one.getValue().text;
                    assertThat(stream.offer(TargetSequence.whole(one.getKey(), text)))
                            .isTrue();
                    Targets targets = stream.take();
                    int prompt = prompts.get(one.getKey().intValue()).length;
                    List<Float> found = one.getValue().logProbabilities;
                    assertThat(found).hasSize(text.length - prompt).isEqualTo(one.getValue().under);
                    for (int i = 0; i < found.size(); i++) {
                        assertThat(found.get(i))
                                .as("text %d, token %d, seed %d", one.getKey(), i, SEED)
                                .isEqualTo(targets.columns().labelLogProbability()[prompt - 1 + i], within(1e-5f));
                    }
                }
            }
            for (long key : texts.keySet()) {
                decoder.end(key, new int[0]);
            }
            for (int i = 0; i < TEXTS; i++) {
                assertThat(decoder.take()).isInstanceOf(DecodeEvent.Ended.class);
            }
            await().until(() ->
                    server.registry().get("lyne.teacher.kv.cache.bytes").gauge().value() == 0);
            assertThat(server.registry()
                            .get("lyne.teacher.decode.sessions")
                            .gauge()
                            .value())
                    .isEqualTo(1);
        }
    }

    @Test
    void takenTokenOutsideTheProposal_hasNoProbabilityUnderIt() throws Exception {
        try (TeacherServer server = serve(false, options -> options);
                TeacherClient client = connect(server);
                TeacherDecoder decoder =
                        client.decoder(new DecodeSettings(0, 1, SEED, Set.of(), TeacherExpectation.any(), false))) {
            decoder.start(0, new int[] {1, 2, 3}, 1);
            DecodeEvent.Answered likely = (DecodeEvent.Answered) decoder.take();
            assertThat(likely.proposalLogProbabilities()[0]).as("the only one").isZero();
            assertThat(likely.logProbabilities()[0]).isNegative();
            decoder.start(1, new int[] {1, 2, 3}, 0);
            decoder.step(1, new int[] {(likely.drawnIds()[0] + 1) % vocabulary}, 0);
            DecodeEvent.Answered other = (DecodeEvent.Answered) decoder.take();
            assertThat(other.proposalLogProbabilities()[0]).isEqualTo(Float.NEGATIVE_INFINITY);
            assertThat(other.logProbabilities()[0]).isLessThan(likely.logProbabilities()[0]);
        }
    }

    @Test
    void deterministic_serverThatGoesAwayInTheMiddle_changesNoBit() throws Exception {
        UnaryOperator<TeacherServerOptions.Builder> atOnce = options -> options.drainTimeout(Duration.ZERO);
        Map<Long, Decoded> undisturbed;
        try (TeacherServer server = serve(true, atOnce);
                TeacherClient client = connect(server);
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(SEED, Set.of()))) {
            undisturbed = draw(decoder);
        }
        TeacherServer one = serve(true, atOnce);
        TeacherServer two = serve(true, atOnce);
        try (one;
                two;
                TeacherClient client = connect(one, two);
                TeacherDecoder decoder =
                        client.decoder(new DecodeSettings(1, 1, SEED, Set.of(), TeacherExpectation.any(), true))) {
            Map<Long, Decoded> texts = new LinkedHashMap<>();
            for (int[] prompt : prompts()) {
                long key = texts.size();
                texts.put(key, new Decoded(prompt));
                decoder.start(key, prompt, DRAWS);
            }
            for (int events = 0; events < TEXTS * DRAWS / 3; events++) {
                answer(texts, decoder.take());
            }
            boolean byOne =
                    one.registry().get("lyne.teacher.decode.sessions").gauge().value() > 0;
            (byOne ? one : two).close();
            while (decoder.isOwed()) {
                answer(texts, decoder.take());
            }
            assertThat(tokens(texts)).isEqualTo(tokens(undisturbed));
            texts.forEach((key, decoded) -> assertThat(decoded.logProbabilities)
                    .isEqualTo(Objects.requireNonNull(undisturbed.get(key)).logProbabilities));
            assertThat(decoder.statistics().calls()).isEqualTo(2);
            assertThat((byOne ? two : one)
                            .registry()
                            .get("lyne.teacher.decode.tokens.drawn")
                            .counter()
                            .count())
                    .isPositive();
        }
    }

    @Test
    void batchMates_changeNoDraw() throws Exception {
        try (TeacherServer server = serve(false, options -> options);
                TeacherClient client = connect(server)) {
            Map<Long, List<Integer>> together;
            try (TeacherDecoder decoder = client.decoder(DecodeSettings.plain(SEED, Set.of()))) {
                together = tokens(draw(decoder));
            }
            List<int[]> prompts = prompts();
            for (int key = 0; key < TEXTS; key += 3) {
                Map<Long, Decoded> alone = new HashMap<>();
                alone.put((long) key, new Decoded(prompts.get(key)));
                try (TeacherDecoder decoder = client.decoder(DecodeSettings.plain(SEED, Set.of()))) {
                    decoder.start(key, prompts.get(key), DRAWS);
                    while (decoder.isOwed()) {
                        answer(alone, decoder.take());
                    }
                }
                assertThat(tokens(alone).get((long) key)).isEqualTo(together.get((long) key));
            }
        }
    }

    @Test
    void clientThatIsGone_leavesNothingBehind() throws Exception {
        try (TeacherServer server = serve(false, options -> options);
                TeacherClient client = connect(server)) {
            TeacherDecoder decoder = client.decoder(DecodeSettings.plain(SEED, Set.of()));
            decoder.start(0, new int[] {1, 2, 3}, 290);
            decoder.take();
            assertThat(server.registry()
                            .get("lyne.teacher.decode.sessions")
                            .gauge()
                            .value())
                    .isEqualTo(1);
            decoder.close();
            await().until(() -> server.registry()
                                    .get("lyne.teacher.decode.sessions")
                                    .gauge()
                                    .value()
                            == 0
                    && server.registry()
                                    .get("lyne.teacher.kv.cache.bytes")
                                    .gauge()
                                    .value()
                            == 0);
        }
    }

    @Test
    void noRoomForKeysAndValues_isWaitedFor() throws Exception {
        // One slot of 64 positions: 2 layers · 2 (keys, values) · 2 heads · 8 · 4 bytes a position.
        DecodeOptions little = DecodeOptions.DEFAULT.with(64 * 256, Duration.ofMillis(50), Duration.ofSeconds(60));
        try (TeacherServer server = serve(false, options -> options.decoding(little));
                TeacherClient client = connect(server);
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(SEED, Set.of()))) {
            decoder.start(0, new int[] {1, 2, 3}, 10);
            for (int i = 0; i < 10; i++) {
                decoder.take();
            }
            decoder.start(1, new int[] {1, 2, 3}, 1);
            assertThat(decoder.poll()).isEmpty();
            await().until(() -> server.registry()
                            .get("lyne.teacher.refusals")
                            .tag("reason", "kv_cache_full")
                            .counter()
                            .count()
                    > 0);
            decoder.end(0, new int[0]);
            assertThat(decoder.take()).isEqualTo(new DecodeEvent.Ended(0));
            assertThat(decoder.take().key()).as("once there is room").isEqualTo(1);
        }
    }

    @Test
    void drain_finishesWhatIsOwed() throws Exception {
        TeacherServer server = serve(false, options -> options);
        try (server;
                TeacherClient client = connect(server);
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(SEED, Set.of()))) {
            Map<Long, Decoded> texts = new HashMap<>();
            texts.put(0L, new Decoded(new int[] {1}));
            decoder.start(0, new int[] {1}, 100);
            answer(texts, decoder.take());
            Thread drain = new Thread(() -> {
                try {
                    server.drain();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            drain.start();
            while (decoder.isOwed()) {
                answer(texts, decoder.take());
            }
            assertThat(Objects.requireNonNull(texts.get(0L)).text).hasSize(101);
            drain.join();
        }
    }

    @Test
    void openings_thatCannotBe_areRefusedByName() throws Exception {
        try (ServerFixture fake = new ServerFixture(new FakeTeacher("fake", 1_000, 64), options -> options);
                TeacherClient client =
                        TeacherClient.connect("127.0.0.1:" + fake.server.port(), ClientOptions.defaults());
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(1, Set.of()))) {
            decoder.start(0, new int[] {1}, 1);
            assertThatThrownBy(decoder::take)
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining(
                            "UNIMPLEMENTED: teacher fake does not decode (expected: one of a model directory");
        }
        try (TeacherServer server = serve(false, options -> options);
                TeacherClient client = connect(server)) {
            try (TeacherDecoder decoder =
                    client.decoder(new DecodeSettings(0.001, 1, 0, Set.of(), TeacherExpectation.any(), false))) {
                decoder.start(0, new int[] {1}, 1);
                assertThatThrownBy(decoder::take)
                        .isInstanceOf(TeacherRefusedException.class)
                        .hasMessageContaining("temperature: 0.001 (expected: 0, or 0.01..");
            }
            assertThatThrownBy(() -> client.decoder(new DecodeSettings(
                            1, 1, 0, Set.of(), new TeacherExpectation("ab".repeat(32), null, 0, null), false)))
                    .isInstanceOf(TeacherMismatchException.class);
            try (TeacherDecoder decoder = client.decoder(DecodeSettings.plain(1, Set.of()))) {
                decoder.start(0, new int[] {vocabulary}, 1);
                DecodeEvent.Failed failed = (DecodeEvent.Failed) decoder.take();
                assertThat(failed.failure()).hasMessageContaining("(expected: below vocabulary_size=" + vocabulary);
                assertThatThrownBy(() -> decoder.start(0, new int[] {1}, TinyModelDirectory.CONTEXT))
                        .hasMessageContaining("(expected: at most context_length=300 together)");
            }
        }
    }
}
