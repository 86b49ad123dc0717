package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.row.Precision;
import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** An engine as a server's teacher, as a student sees it: what it is told, what is kept, and what becomes of its stream. */
final class EngineBehindServerTest {
    private static final TargetSequence SEQUENCE = TargetSequence.whole(1, new int[] {3, 4, 9, 2});

    private FakeEngine engine;
    private TeacherServer server;
    private TeacherClient client;

    @BeforeEach
    void start() throws Exception {
        engine = new FakeEngine();
        EngineTeacher teacher = engine.teacher(Duration.ofSeconds(1));
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

    private TargetStream stream() throws InterruptedException {
        return client.open(TargetRequest.topK(4, List.of(), TeacherExpectation.any()));
    }

    private TargetStream streamToKeep() throws InterruptedException {
        return client.open(new TargetRequest(
                new Selection.TopK(4, List.of()), Precision.EXACT, false, TeacherExpectation.any(), false, true));
    }

    private static Targets take(TargetStream stream, TargetSequence sequence) throws InterruptedException {
        assertThat(stream.offer(sequence)).isTrue();
        return stream.take();
    }

    private double metric(String name) {
        return server.registry().get(name).gauge().value();
    }

    @Test
    void limitsAndTails_areTheEngines() throws Exception {
        assertThat(client.describe().abilities().maxK()).isEqualTo(FakeEngine.MAX_K);
        assertThat(client.describe().contextLength()).isEqualTo(511);
        assertThat(client.describe().tailError()).isEqualTo(1e-6);
    }

    /** Until the next probe passes they are set aside, which spares the engine as much as a cache does. */
    @Test
    void rows_areKeptOnceTheNextProbePasses() throws Exception {
        try (TargetStream stream = stream()) {
            assertThat(take(stream, SEQUENCE).rowsBySource()).containsOnlyKeys(RowSource.COMPUTED);
            await().until(() -> take(stream, SEQUENCE).rowsBySource().containsKey(RowSource.cached("memory")));
            assertThat(engine.asked).hasValue(1);
        }
    }

    /** Nobody can tell any more whose its rows are, and nobody is accused. */
    @Test
    void stream_whoseEnginesProcessEnds_goesOn() throws Exception {
        try (TargetStream stream = stream()) {
            take(stream, SEQUENCE);
            engine.kill();
            assertThat(stream.offer(TargetSequence.whole(2, new int[] {3, 4, 9, 7, 8})))
                    .isTrue();
            await().until(() -> metric("lyne.teacher.engine.up") == 0);
            engine.restart();
            stream.take();
            take(stream, TargetSequence.whole(3, new int[] {5, 6}));
        }
    }

    /** As a capture asks: what the wrong weights said is asked for again, and the stream goes on. */
    @Test
    void rowsToKeep_areNeverThoseOfOtherWeights() throws Exception {
        TargetSequence sequence = TargetSequence.whole(2, new int[] {3, 4, 9, 7, 8});
        try (TargetStream stream = streamToKeep()) {
            take(stream, SEQUENCE); // over a connection that stays, which was probed
            engine.fault = FakeEngine.Fault.SLOW;
            assertThat(stream.offer(sequence)).isTrue();
            await().until(() -> engine.asked.get() == 2);
            engine.weights = 1;
            engine.mayAnswer.countDown();
            await().until(() -> metric("lyne.teacher.engine.other.weights") == 1);
            assertThat(stream.await(Duration.ofMillis(1))).isFalse();
            engine.weights = 0;
            Targets rows = stream.take();
            assertThat(rows.columns().ids()[0]).isEqualTo(3 + 7);
            assertThat(rows.columns().ids()[4]).isEqualTo(4 + 7);
            assertThat(engine.asked).hasValue(3);
        }
    }

    @Test
    void sequence_whoseTimeHasPassed_failsBeforeTheEngineAnswers() throws Exception {
        engine.fault = FakeEngine.Fault.HANGS;
        // The client gives up a quarter later than the server, which is to have the time for its words.
        ClientOptions hasty =
                ClientOptions.builder().sequenceTimeout(Duration.ofSeconds(3)).build();
        try (TeacherClient asking = TeacherClient.connect("127.0.0.1:" + server.port(), hasty);
                TargetStream stream = asking.open(TargetRequest.topK(4, List.of(), TeacherExpectation.any()))) {
            assertThat(stream.offer(TargetSequence.whole(2, new int[] {3, 4, 9, 7, 8})))
                    .isTrue();
            assertThatThrownBy(stream::take).hasMessageContaining("timeout_millis: passed before the engine answered");
        }
    }

    /** Of two engines one gets other weights: what the other answered is not counted. */
    @Test
    void stream_thatWasSentRowsOfOneOfTwoEngines_saysHowManyOfThatOne() throws Exception {
        try (FakeEngine first = new FakeEngine();
                FakeEngine second = new FakeEngine()) {
            EngineTeacher teacher = EngineTeacher.open(
                    FakeEngine.settings(Duration.ofHours(1), List.of(first.address(), second.address())), 1);
            try (TeacherServer both = TeacherServer.serve(
                            List.of(teacher), TeacherServerOptions.builder().build());
                    TeacherClient asking = TeacherClient.connect("127.0.0.1:" + both.port(), ClientOptions.defaults());
                    TargetStream stream = asking.open(TargetRequest.topK(4, List.of(), TeacherExpectation.any()))) {
                await().until(() -> sum(both, "lyne.teacher.engine.up") == 2);
                first.fault = FakeEngine.Fault.SLOW;
                second.fault = FakeEngine.Fault.SLOW;
                assertThat(stream.offer(TargetSequence.whole(1, new int[] {3, 4, 9, 7, 8})))
                        .isTrue();
                await().until(() -> first.asked.get() + second.asked.get() == 1);
                FakeEngine changed = first.asked.get() == 1 ? first : second;
                FakeEngine healthy = changed == first ? second : first;
                assertThat(stream.offer(TargetSequence.whole(2, new int[] {5, 6, 7})))
                        .isTrue();
                await().until(() -> healthy.asked.get() == 1);
                changed.mayAnswer.countDown();
                assertThat(stream.take().rows()).isEqualTo(4);
                assertThat(stream.take().rows()).isEqualTo(2);
                changed.weights = 1;
                teacher.vouchSoon();
                await().until(() -> sum(both, "lyne.teacher.engine.other.weights") == 1);
                assertThatThrownBy(() -> take(stream, TargetSequence.whole(3, new int[] {5, 6})))
                        .hasMessageContaining("rows of this stream since the last passed probe: 4 ");
            }
        }
    }

    private static double sum(TeacherServer server, String name) {
        return server.registry().find(name).gauges().stream()
                .mapToDouble(gauge -> gauge.value())
                .sum();
    }

    @Test
    void stream_thatWasSentRowsOfOtherWeights_endsAndSaysHowMany() throws Exception {
        try (TargetStream stream = stream()) {
            take(stream, SEQUENCE);
            await().until(() -> take(stream, SEQUENCE).rowsBySource().containsKey(RowSource.cached("memory")));
            engine.weights = 1;
            take(stream, TargetSequence.whole(2, new int[] {3, 4, 9, 7, 8}));
            await().until(() -> metric("lyne.teacher.engine.other.weights") == 1);
            assertThatThrownBy(() -> take(stream, TargetSequence.whole(3, new int[] {5, 6})))
                    .hasMessageContaining("the engine has other weights than it had")
                    .hasMessageContaining("rows of this stream since the last passed probe: 4");
        }
        assertThat(metric("lyne.teacher.engine.up")).isZero();
        // They are in no cache: the right weights come back, and the rows are computed again.
        engine.weights = 0;
        int asked = engine.asked.get();
        try (TargetStream stream = stream()) {
            take(stream, TargetSequence.whole(2, new int[] {3, 4, 9, 7, 8}));
        }
        assertThat(engine.asked).hasValue(asked + 1);
    }
}
