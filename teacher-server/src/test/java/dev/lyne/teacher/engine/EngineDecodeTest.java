package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.DecodeEvent;
import dev.lyne.client.DecodeSettings;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDecoder;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.lm.generation.Proposal;
import dev.lyne.teacher.engine.FakeEngine.Fault;
import dev.lyne.teacher.model.Continuation;
import dev.lyne.teacher.model.Continued;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.wire.draw.SeededUniforms;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/** Decode with an engine as the teacher, over real HTTP and gRPC, as a student sees it. */
final class EngineDecodeTest {
    private static final long SEED = 11;
    private static final int[] PROMPT = {3, 4, 9, 2, 6, 8};
    private static final int[] FIVE = {3, 10, 21, 9, 40};

    private FakeEngine engine;
    private EngineTeacher teacher;
    private TeacherServer server;
    private TeacherClient client;

    @BeforeEach
    void start() throws Exception {
        engine = new FakeEngine();
        teacher = EngineTeacher.open(
                new EngineSettings(
                        EngineSettings.Wire.VLLM,
                        List.of(engine.address()),
                        EngineSettings.Access.PLAIN,
                        "far",
                        Optional.empty(),
                        Path.of("../examples/state-of-the-union/teacher"),
                        new EngineSettings.Arithmetic("float32", false),
                        Optional.empty(),
                        new EngineSettings.Probing(Duration.ofSeconds(1), 0.02),
                        new EngineSettings.Limits(8, Duration.ofSeconds(2), Duration.ofSeconds(30))),
                1);
        server = TeacherServer.serve(
                List.of(teacher), TeacherServerOptions.builder().build());
        client = TeacherClient.connect("127.0.0.1:" + server.port(), ClientOptions.defaults());
    }

    @AfterEach
    void stop() throws Exception {
        client.close();
        server.close();
        engine.close();
    }

    private TeacherDecoder decoder(Integer... stopIds) throws InterruptedException {
        return client.decoder(DecodeSettings.plain(SEED, Set.of(stopIds)));
    }

    /** What a text is told, as it was asked for. */
    private static DecodeEvent.Answered answer(TeacherDecoder decoder) throws InterruptedException {
        DecodeEvent event = decoder.take();
        assertThat(event).isInstanceOf(DecodeEvent.Answered.class);
        return (DecodeEvent.Answered) event;
    }

    private static int[] with(int[] tokens, int... more) {
        int[] all = new int[tokens.length + more.length];
        System.arraycopy(tokens, 0, all, 0, tokens.length);
        System.arraycopy(more, 0, all, tokens.length, more.length);
        return all;
    }

    private static long seed(long key, long step) {
        return SeededUniforms.TEACHER_DRAW.bits(SEED, key, step);
    }

    private void requireLogProbabilities(int[] before, int[] tokens, float[] logProbabilities) {
        int last = before[before.length - 1];
        assertThat(logProbabilities).hasSize(tokens.length);
        for (int i = 0; i < tokens.length; i++) {
            assertThat(logProbabilities[i]).isEqualTo(engine.logProbabilityAfter(last, tokens[i]));
            last = tokens[i];
        }
    }

    @Test
    void draws_areTheEnginesOwn_byTheSeedOfTheirStep() throws Exception {
        assertThat(client.describe().abilities().decodes()).isTrue();
        try (TeacherDecoder decoder = decoder()) {
            decoder.start(1, PROMPT, 5);
            DecodeEvent.Answered first = answer(decoder);
            assertThat(first.drawnIds()).isEqualTo(engine.draws(PROMPT, seed(1, 0), 5, Set.of()));
            requireLogProbabilities(PROMPT, first.drawnIds(), first.logProbabilities());
            int[] text = with(PROMPT, first.drawnIds());

            decoder.step(1, new int[] {77, 5}, 1);
            DecodeEvent.Answered second = answer(decoder);
            text = with(text, 77, 5);
            assertThat(second.takenCount()).isEqualTo(2);
            assertThat(second.drawnIds()).isEqualTo(engine.draws(text, seed(1, 7), 1, Set.of()));
            requireLogProbabilities(
                    with(PROMPT, first.drawnIds()),
                    with(new int[] {77, 5}, second.drawnIds()),
                    second.logProbabilities());
            assertThat(engine.texts)
                    .as("taken tokens and draws are one request")
                    .hasSize(2);
        }
    }

    @Test
    void lastTokens_areAnsweredWithoutADraw() throws Exception {
        try (TeacherDecoder decoder = decoder()) {
            decoder.start(1, PROMPT, 0);
            decoder.end(1, new int[] {15, 30});
            DecodeEvent.Answered answered = answer(decoder);
            assertThat(answered.takenCount()).isEqualTo(2);
            assertThat(answered.drawnIds()).isEmpty();
            requireLogProbabilities(PROMPT, new int[] {15, 30}, answered.logProbabilities());
            assertThat(decoder.take()).isEqualTo(new DecodeEvent.Ended(1));
        }
    }

    /** What the model's own generation settings and end of text would change is ruled out. */
    @Test
    void request_namesEverySamplingParameter() throws Exception {
        try (TeacherDecoder decoder = decoder(4_000)) {
            decoder.start(1, PROMPT, 3);
            answer(decoder);
        }
        JsonNode request = engine.texts.get(0);
        assertThat(request.path("max_tokens").intValue()).isEqualTo(3);
        assertThat(request.path("temperature").intValue()).isEqualTo(1);
        assertThat(request.path("top_p").intValue()).isEqualTo(1);
        assertThat(request.path("repetition_penalty").intValue()).isEqualTo(1);
        for (String neutral : List.of("top_k", "min_p", "presence_penalty", "frequency_penalty")) {
            assertThat(request.path(neutral).isNumber()).as(neutral).isTrue();
            assertThat(request.path(neutral).intValue()).as(neutral).isZero();
        }
        assertThat(request.path("ignore_eos").booleanValue()).isTrue();
        assertThat(request.path("stop_token_ids").toString()).isEqualTo("[4000]");
        assertThat(request.has("prompt_logprobs"))
                .as("no rows where none are owed")
                .isFalse();
    }

    @Test
    void longRun_isCutAndGoesOn_untilAStopToken() throws Exception {
        int[] first = engine.draws(PROMPT, seed(1, 0), 64, Set.of());
        int[] second = engine.draws(with(PROMPT, first), seed(1, 64), 64, Set.of());
        int stop = second[9];
        try (TeacherDecoder decoder = decoder(stop)) {
            decoder.start(1, PROMPT, 200);
            int[] text = answer(decoder).drawnIds();
            text = with(text, answer(decoder).drawnIds());
            int[] expected = with(first, engine.draws(with(PROMPT, first), seed(1, 64), 64, Set.of(stop)));
            assertThat(text).isEqualTo(expected).endsWith(stop);
            decoder.end(1, new int[0]);
            assertThat(decoder.take()).isEqualTo(new DecodeEvent.Ended(1));
        }
        assertThat(engine.texts).hasSize(2);
    }

    @ParameterizedTest
    @CsvSource({
        "0.8, 1, temperature: 0.8 (expected: 1",
        "0, 1, temperature: 0.0 (expected: 1",
        "1, 0.9, top_p: 0.9 (expected: 1"
    })
    void proposal_thatIsNotTheTeacher_isRefusedWhenTheSessionOpens(double temperature, double topP, String words) {
        DecodeSettings settings =
                new DecodeSettings(temperature, topP, SEED, Set.of(), TeacherExpectation.any(), false);
        assertThatThrownBy(() -> {
                    try (TeacherDecoder decoder = client.decoder(settings)) {
                        decoder.start(1, PROMPT, 1);
                        decoder.take();
                    }
                })
                .hasMessageContaining(words)
                .hasMessageContaining("teacher far, an engine");
        assertThat(teacher.refusal(Proposal.PLAIN)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(EngineSettings.Wire.class)
    void wire_thatIsNotVllmsHttp_doesNotDecode(EngineSettings.Wire wire) {
        assertThat(Dialect.of(wire).texts().isPresent()).isEqualTo(wire == EngineSettings.Wire.VLLM);
    }

    @ParameterizedTest
    @CsvSource({
        "SHORT, '3 tokens drawn, then length (expected: 4'",
        "DUPLICATE, '5 tokens drawn (expected: at most 4'",
        "OTHER_TOKEN, 'token 11 at 1 (expected: 10, which was sent)'",
        "MINUS_INFINITY, 'log-probability -9999.0 of token'",
        "NOT_A_NUMBER, 'log-probability null of token'",
        "ABOVE_ONE, 'log-probability 0.5 of token'",
        "BEYOND, 'token 4096 drawn (expected: an id below 4096)'",
        "REFUSED, the prompt is not to its taste",
    })
    void strangeAnswer_failsItsTextAlone_withTheEnginesWords(Fault fault, String words) throws Exception {
        engine.fault = fault;
        try (TeacherDecoder decoder = decoder()) {
            decoder.start(1, FIVE, 4);
            requireFailed(decoder, words);
            decoder.start(2, PROMPT, 1);
            assertThat(answer(decoder).drawnIds()).hasSize(1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "BEST_MISSING, 'prompt_logprobs of 4 tokens (expected: 5'",
        "WRONG_ORDER, 'log-probabilities of tokens [41] at token 4 (expected: token 40, which was sent)'",
    })
    void strangeRows_failTheTextThatTookTokens(Fault fault, String words) throws Exception {
        engine.fault = fault;
        try (TeacherDecoder decoder = decoder()) {
            decoder.start(1, new int[] {3, 10, 21, 9}, 0);
            decoder.step(1, new int[] {40}, 0);
            requireFailed(decoder, words);
        }
    }

    private double passedProbes() {
        return server.registry()
                .get("lyne.teacher.engine.probes")
                .tag("outcome", "passed")
                .functionCounter()
                .count();
    }

    private static void requireFailed(TeacherDecoder decoder, String words) throws InterruptedException {
        DecodeEvent event = decoder.take();
        assertThat(event).isInstanceOf(DecodeEvent.Failed.class);
        assertThat(((DecodeEvent.Failed) event).failure()).hasMessageContaining(words);
    }

    /** More texts than places. */
    @Test
    void texts_areContinuedTogether() throws Exception {
        try (TeacherDecoder decoder = decoder()) {
            for (int key = 0; key < 40; key++) {
                decoder.start(key, with(PROMPT, key), 3);
            }
            List<Long> keys = new ArrayList<>();
            while (keys.size() < 40) {
                DecodeEvent.Answered answered = answer(decoder);
                int[] prompt = with(PROMPT, (int) answered.key());
                assertThat(answered.drawnIds()).isEqualTo(engine.draws(prompt, seed(answered.key(), 0), 3, Set.of()));
                keys.add(answered.key());
            }
            assertThat(keys).doesNotHaveDuplicates();
        }
    }

    @Test
    void engine_thatRestarts_isAskedAgain() throws Exception {
        try (TeacherDecoder decoder = decoder()) {
            decoder.start(1, PROMPT, 2);
            answer(decoder);
            engine.kill();
            await().until(() -> !teacher.serving());
            engine.restart();
            decoder.step(1, new int[] {4}, 2);
            assertThat(answer(decoder).takenCount()).isEqualTo(1);
        }
    }

    @Test
    void session_thatWasGivenTokensOfOtherWeights_endsAndSaysHowMany() throws Exception {
        try (TeacherDecoder decoder = decoder()) {
            double passed = passedProbes();
            await().until(() -> passedProbes() > passed); // a second until the next one
            engine.weights = 1;
            decoder.start(1, PROMPT, 3);
            answer(decoder);
            await().until(() -> !teacher.serving());
            assertThatThrownBy(() -> {
                        decoder.step(1, new int[0], 1);
                        decoder.take();
                    })
                    .hasMessageContaining("the engine has other weights than it had")
                    .hasMessageContaining("tokens of this session since the last passed probe: 3");
        }
    }

    @Test
    void session_thatIsClosed_takesItsRequestsBack() throws Exception {
        engine.fault = Fault.HANGS;
        try (TeacherDecoder decoder = decoder()) {
            decoder.start(1, FIVE, 4);
            assertThat(decoder.poll()).isEmpty();
            await().until(() -> engine.texts.size() == 1);
        }
        await().until(() -> server.registry()
                        .get("lyne.teacher.engine.in.flight.sequences")
                        .gauge()
                        .value()
                == 0);
    }

    /** A run and the log-probabilities of two tokens before it, as vLLM 0.32 answered for the demo teacher. */
    @Test
    void recordedAnswer_isReadWhole() throws Exception {
        Continuation owed = new Continuation(FakeEngine.RECORDED, 6, 4, 7, Set.of());
        ValueReader<Continued> reader = new VllmTexts().reader(new AskedText(owed, FakeEngine.VOCABULARY));
        reader.take(Unpooled.wrappedBuffer(FakeEngine.recorded("text.json").getBytes(StandardCharsets.UTF_8)));
        reader.end();
        Continued continued = reader.value();
        assertThat(continued.taken()).containsExactly((double) -0.07783964276313782f, (double) -14.133441925048828f);
        assertThat(continued.drawn()).containsExactly(1397, 389, 2767, 281);
        assertThat(continued.drawnLogProbabilities()[2]).isEqualTo((double) -8.990591049194336f);
    }
}
