package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;
import static org.awaitility.Awaitility.await;

import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.teacher.model.Failure;
import io.grpc.Status;
import io.netty.buffer.Unpooled;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The engines' shared gRPC protocol: vLLM's answers are recorded from a real one, SGLang's are made by its servicer's own functions ({@code
 * make_grpc_answers.py}); and over real gRPC against a server of ours that answers with them.
 */
final class GrpcDialectTest {
    private static final int[] FIVE = {3, 10, 21, 9, 40};

    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private static GrpcDialect dialect(String engine) {
        return engine.equals("vllm") ? GrpcDialect.vllm() : GrpcDialect.sglang();
    }

    private static Asked asked(int k, boolean last) {
        int[] positions =
                IntStream.range(0, FakeEngine.RECORDED.length - (last ? 0 : 1)).toArray();
        return new Asked(new ScoreItem(FakeEngine.RECORDED, positions), k, 4096);
    }

    private static RowColumns read(Dialect dialect, Asked asked, byte[] body) throws EngineException {
        ValueReader<RowColumns> reader = dialect.reader(asked);
        for (int i = 0; i < body.length; i += 11) {
            reader.take(Unpooled.wrappedBuffer(body, i, Math.min(11, body.length - i)));
        }
        reader.end();
        return reader.value();
    }

    private static WholeAnswer whole(String name) throws EngineException {
        WholeAnswer answer = new WholeAnswer();
        answer.take(Unpooled.wrappedBuffer(GrpcMessage.frame(FakeGrpcEngine.recorded(name))));
        return answer;
    }

    @ParameterizedTest
    @CsvSource({"vllm", "sglang"})
    void request_isAsTheContractEncodesIt(String engine) {
        assertThat(dialect(engine).request(asked(4, true), "r"))
                .isEqualTo(FakeGrpcEngine.recorded(engine + "-request"));
        assertThat(dialect(engine).rows(asked(4, true), "m").body())
                .startsWith(0, 0, 0, 0)
                .hasSizeGreaterThan(40);
    }

    @ParameterizedTest
    @CsvSource({"vllm, grpc, demo", "sglang, 0.5.23, /models/demo"})
    void engine_saysWhatItIs(String engine, String version, String model) throws Exception {
        Dialect dialect = dialect(engine);
        assertThat(dialect.version(whole(engine + "-server"))).isEqualTo(version);
        assertThat(dialect.facts(whole(engine + "-model"))).isEqualTo(new Dialect.Facts(model, 512));
        dialect.requireWell(whole(engine + "-health"));
        WholeAnswer ill = new WholeAnswer();
        ill.take(Unpooled.wrappedBuffer(GrpcMessage.frame(new byte[0])));
        assertThatThrownBy(() -> dialect.requireWell(ill)).hasMessageContaining("not healthy");
        assertThatThrownBy(() -> dialect.facts(ill)).hasMessageContaining("without a model");
    }

    /** SGLang's are made of them; vLLM was asked twice, in batches of its own. */
    @ParameterizedTest
    @CsvSource({"vllm, 1e-5", "sglang, 1e-12"})
    void rows_areThoseThatARealVllmGaveOverHttp(String engine, float within) throws Exception {
        RowColumns expected = read(
                new VllmDialect(),
                asked(4, true),
                FakeEngine.recorded("rows-top4.json").getBytes(StandardCharsets.UTF_8));
        RowColumns found =
                read(dialect(engine), asked(4, true), GrpcMessage.frame(FakeGrpcEngine.recorded(engine + "-top4")));
        assertThat(found.ids()).isEqualTo(expected.ids()).hasSize(32);
        assertThat(found.logProbabilities()).containsExactly(expected.logProbabilities(), offset(within));
        assertThat(found.labelLogProbability()).containsExactly(expected.labelLogProbability(), offset(within));
        for (int row = 0; row < 8; row++) {
            assertThat(Math.exp(found.logTailMass()[row]))
                    .isCloseTo(Math.exp(expected.logTailMass()[row]), offset(1e-5));
        }
        RowColumns labels =
                read(dialect(engine), asked(0, false), GrpcMessage.frame(FakeGrpcEngine.recorded(engine + "-label")));
        assertThat(labels.labelLogProbability())
                .containsExactly(Arrays.copyOf(expected.labelLogProbability(), 7), offset(within));
    }

    @Test
    void answer_thatIsNone_isRefused() {
        byte[] whole = GrpcMessage.frame(FakeGrpcEngine.recorded("vllm-top4"));
        Dialect dialect = GrpcDialect.vllm();
        assertThatThrownBy(() -> read(dialect, asked(4, true), Arrays.copyOf(whole, whole.length - 1)))
                .hasMessageContaining("cut short");
        assertThatThrownBy(() -> read(dialect, asked(4, true), new byte[0])).hasMessageContaining("0 messages");
        assertThatThrownBy(() -> read(dialect, asked(4, true), GrpcMessage.frame(new byte[] {10, 0})))
                .hasMessageContaining("not complete");
        assertThatThrownBy(() -> read(dialect, asked(6, true), whole)).hasMessageContaining("5 tokens");
        assertThatThrownBy(
                        () -> read(dialect, asked(4, true), GrpcMessage.frame(FakeGrpcEngine.recorded("vllm-label"))))
                .hasMessageContaining("top_logprobs of 0 tokens (expected: 8)");
        byte[] compressed = whole.clone();
        compressed[0] = 1;
        assertThatThrownBy(() -> read(dialect, asked(4, true), compressed)).hasMessageContaining("compressed");
    }

    @Test
    void settings_ofGrpc_areParsed_andTakeNoKey() {
        assertThat(EngineSettings.parse("vllm:grpc://a:1,b:2"))
                .isEqualTo(new EngineSettings.Engines(
                        EngineSettings.Wire.VLLM_GRPC,
                        List.of(InetSocketAddress.createUnresolved("a", 1), InetSocketAddress.createUnresolved("b", 2)),
                        false));
        assertThat(EngineSettings.parse("sglang:grpc://a:1").wire()).isEqualTo(EngineSettings.Wire.SGLANG_GRPC);
        assertThat(EngineSettings.parse("sglang:http://a:1").wire()).isEqualTo(EngineSettings.Wire.SGLANG);
        assertThatThrownBy(() -> EngineSettings.parse("vllm:grpc://a:1,http://b:2"))
                .hasMessageContaining("one scheme for all addresses");
        assertThatThrownBy(() -> EngineSettings.parse("vllm:grpcs://a:1")).hasMessageContaining("grpc://");
        assertThatThrownBy(() -> settings(
                        new EngineSettings.Access(false, Optional.empty(), Optional.of(Path.of("key"))),
                        InetSocketAddress.createUnresolved("127.0.0.1", 1)))
                .hasMessageContaining("--engine-token-file: key with grpc://");
    }

    private static EngineSettings settings(EngineSettings.Access access, InetSocketAddress address) {
        return settings(access, address, Duration.ofSeconds(1));
    }

    private static EngineSettings settings(
            EngineSettings.Access access, InetSocketAddress address, Duration betweenProbes) {
        return new EngineSettings(
                EngineSettings.Wire.VLLM_GRPC,
                List.of(address),
                access,
                "far",
                Optional.empty(),
                Path.of("../examples/state-of-the-union/teacher"),
                new EngineSettings.Arithmetic("float32", false),
                Optional.empty(),
                new EngineSettings.Probing(betweenProbes, 0.02),
                new EngineSettings.Limits(8, Duration.ofSeconds(2), Duration.ofSeconds(30)));
    }

    private FakeGrpcEngine engine() throws Exception {
        FakeGrpcEngine engine = new FakeGrpcEngine();
        open.add(engine);
        return engine;
    }

    private EngineTeacher teacher(FakeGrpcEngine engine) throws Exception {
        return teacher(engine, Duration.ofSeconds(1));
    }

    private EngineTeacher teacher(FakeGrpcEngine engine, Duration betweenProbes) throws Exception {
        EngineTeacher teacher =
                EngineTeacher.open(settings(EngineSettings.Access.PLAIN, engine.address(), betweenProbes), 1);
        open.add(0, () -> teacher.close(TimeUnit.SECONDS.toNanos(5)));
        await().until(teacher::serving);
        return teacher;
    }

    private static AskedJob ask(EngineTeacher teacher, AskedJob job) {
        assertThat(teacher.score(job)).isTrue();
        return job;
    }

    @Test
    void teacher_overRealGrpc_givesTheRecordedRowsAndThoseBesideAnActualTokenAmongTheBest() throws Exception {
        FakeGrpcEngine engine = engine();
        EngineTeacher teacher = teacher(engine);
        assertThat(teacher.maxK()).isEqualTo(FakeGrpcEngine.MAX_LOGPROBS - 1); // one more is asked for
        assertThat(teacher.description().contextLength()).isEqualTo(511);
        RowColumns rows = ask(teacher, new AskedJob(RowContent.topK(4), FakeEngine.RECORDED))
                .rows();
        assertThat(rows.ids()).startsWith(45, 38, 52, 39, 69, 79, 463, 292);
        assertThat(rows.top(7)).isEqualTo(295);
        // Actual tokens of ranks 1, 4 and 50: best, just outside, and far from the four best of each row.
        RowColumns others = ask(teacher, AskedJob.topK(4, 100, 108, 119, 176)).rows();
        assertThat(others.ids()).containsExactly(107, 108, 109, 110, 115, 116, 117, 118, 126, 127, 128, 129);
        assertThat(others.labelLogProbability()).containsExactly(label(1), label(4), label(50));
    }

    private static float label(int rank) {
        return (float) (-Math.log(2) * (rank + 1));
    }

    @ParameterizedTest
    @CsvSource({
        "INVALID_ARGUMENT, INVALID_REQUEST, not to its taste 100 %",
        "UNAVAILABLE, ENGINE_UNAVAILABLE, not to its taste",
        "INTERNAL, ENGINE_FAILED, not to its taste",
    })
    void status_ofACall_failsItsSequenceWithTheEnginesWords(Status.Code code, Failure.Reason reason, String words)
            throws Exception {
        FakeGrpcEngine engine = engine();
        EngineTeacher teacher = teacher(engine);
        engine.refusal = code.toStatus().withDescription("not to its taste 100 %");
        Failure failure = ask(teacher, AskedJob.topK(4, FIVE)).failure();
        assertThat(failure.reason()).isEqualTo(reason);
        assertThat(failure.message()).contains(words);
        assertThat(ask(teacher, AskedJob.topK(4, 1, 2, 3)).rows().rows()).isEqualTo(2);
    }

    @Test
    void engine_restartedWithOtherWeights_servesNoRow() throws Exception {
        FakeGrpcEngine engine = engine();
        EngineTeacher teacher = teacher(engine);
        ask(teacher, AskedJob.topK(4, 1, 2, 3)).rows();
        engine.kill();
        engine.weights = 1;
        engine.restart();
        int answered = engine.asked.get();
        AskedJob after = ask(teacher, AskedJob.topK(4, 1, 2, 4));
        await().during(Duration.ofSeconds(2)).atMost(Duration.ofSeconds(20)).until(() -> !teacher.serving());
        assertThat(after.isAnswered()).isFalse();
        assertThat(engine.asked).hasValue(answered);
        engine.weights = 0;
        assertThat(after.rows().rows()).isEqualTo(2);
    }

    @Test
    void engine_thatSaysThatItIsNotHealthy_isNotAsked() throws Exception {
        FakeGrpcEngine engine = engine();
        EngineTeacher teacher = teacher(engine, Duration.ofHours(1));
        engine.healthy = false;
        await().atMost(Duration.ofSeconds(30)).until(() -> !teacher.serving());
    }

    @Test
    void withdrawn_cancelsTheCall() throws Exception {
        FakeGrpcEngine engine = engine();
        EngineTeacher teacher = teacher(engine);
        engine.hangs = true;
        AskedJob job = ask(teacher, AskedJob.topK(4, FIVE));
        await().until(() -> engine.asked.get() == 1);
        teacher.withdraw(job);
        assertThat(job.failure().reason()).isEqualTo(Failure.Reason.WITHDRAWN);
        assertThat(engine.cancelled.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(teacher.serving()).isTrue();
    }
}
