package dev.lyne.teacher.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.DecodeEvent;
import dev.lyne.client.DecodeSettings;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDecoder;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.client.TeacherMismatchException;
import dev.lyne.row.RowSource;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.wire.draw.SeededUniforms;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An engine whose operator says that its rows have the same bits whatever else it computes, beside one of which nobody says so. */
final class BatchInvariantEngineTest {
    private static final long SEED = 11;
    private static final int[] PROMPT = {3, 4, 9, 2, 6, 8};
    private static final TargetSequence SEQUENCE = TargetSequence.whole(1, new int[] {3, 4, 9, 2});

    @TempDir
    private Path directory;

    private final List<AutoCloseable> open = new ArrayList<>();
    private FakeEngine engine;

    @BeforeEach
    void start() throws Exception {
        engine = new FakeEngine();
        open.add(engine);
    }

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private EngineTeacher teacher(boolean invariant, Optional<Path> identity) throws Exception {
        return EngineTeacher.open(
                new EngineSettings(
                        EngineSettings.Wire.VLLM,
                        List.of(engine.address()),
                        EngineSettings.Access.PLAIN,
                        "far",
                        Optional.empty(),
                        Path.of("../examples/state-of-the-union/teacher"),
                        new EngineSettings.Arithmetic("float32", invariant),
                        identity,
                        new EngineSettings.Probing(Duration.ofSeconds(1), 0.02),
                        new EngineSettings.Limits(8, Duration.ofSeconds(2), Duration.ofSeconds(30))),
                1);
    }

    private TeacherServer server(boolean invariant) throws Exception {
        TeacherServer server = TeacherServer.serve(
                List.of(teacher(invariant, Optional.empty())),
                TeacherServerOptions.builder().build());
        open.add(0, server::close);
        return server;
    }

    private TeacherClient client(TeacherServer server) throws Exception {
        TeacherClient client = TeacherClient.connect("127.0.0.1:" + server.port(), ClientOptions.defaults());
        open.add(0, client);
        return client;
    }

    private static Map<RowSource, Integer> sources(TeacherClient client, int k) throws InterruptedException {
        try (TargetStream stream = client.open(TargetRequest.topK(k, List.of(), TeacherExpectation.any()))) {
            assertThat(stream.offer(SEQUENCE)).isTrue();
            return Map.copyOf(stream.take().rowsBySource());
        }
    }

    /** In the deterministic mode a tail is the fresh one's, so that it is not made of wider rows. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void claim_makesTheTeacherDeterministic(boolean invariant) throws Exception {
        TeacherClient client = client(server(invariant));
        assertThat(client.describe().deterministic()).isEqualTo(invariant);
        assertThat(client.describe().fingerprint().cpuCapability()).isEqualTo(invariant ? "batch-invariant" : "");
        assertThat(client.describe().fingerprint().computePrecision()).isEqualTo("float32");

        RowSource kept = RowSource.cached("memory");
        await().until(() -> sources(client, 8).containsKey(kept));
        assertThat(sources(client, 4)).containsOnlyKeys(invariant ? RowSource.COMPUTED : kept);
    }

    @Test
    void streamOfDeterministicRows_isRefusedWithoutTheClaim() throws Exception {
        TeacherExpectation expected = new TeacherExpectation(
                null, null, 0, client(server(true)).describe().fingerprint());
        TeacherClient other = client(server(false));
        assertThatThrownBy(() -> other.open(TargetRequest.topK(4, List.of(), expected)))
                .isInstanceOf(TeacherMismatchException.class)
                .hasMessageContaining(
                        "execution fingerprint: torch none, vllm 0.32.0, arithmetic 1, 1 thread, float32 (expected: torch none, vllm"
                                + " 0.32.0, batch-invariant, arithmetic 1, 1 thread, float32)");
    }

    private String id(boolean invariant, Path identity) throws Exception {
        EngineTeacher teacher = teacher(invariant, Optional.of(identity));
        try {
            return HexFormat.of().formatHex(teacher.description().modelDigest());
        } finally {
            teacher.close(TimeUnit.SECONDS.toNanos(5));
        }
    }

    @Test
    void claim_thatIsMadeOrDropped_isAnotherTeacher() throws Exception {
        Path identity = directory.resolve("identity.json");
        String without = id(false, identity);
        String with = id(true, identity);
        assertThat(with).isNotEqualTo(without).isEqualTo(id(true, identity));
        assertThat(id(false, identity)).isNotIn(with, without);
    }

    private static double passedProbes(TeacherServer server) {
        return server.registry()
                .get("lyne.teacher.engine.probes")
                .tag("outcome", "passed")
                .functionCounter()
                .count();
    }

    private static boolean isUp(TeacherServer server) {
        return server.registry().get("lyne.teacher.engine.up").gauge().value() == 1;
    }

    /** A claim that does not hold is found out: whose bits change is not who it was. */
    @Test
    void probe_thatIsOffByLittle_failsOnlyWhereBitsWereClaimed() throws Exception {
        TeacherServer claimed = server(true);
        TeacherServer other = server(false);
        await().until(() -> isUp(claimed) && isUp(other));
        engine.nudgeNats = 1e-3;
        await().until(() -> !isUp(claimed));
        double passed = passedProbes(other);
        await().until(() -> passedProbes(other) > passed + 1);
        assertThat(isUp(other)).isTrue();
    }

    private int[] draws(TeacherClient client, int... runs) throws InterruptedException {
        List<Integer> drawn = new ArrayList<>();
        int owed = 0;
        try (TeacherDecoder decoder = client.decoder(DecodeSettings.plain(SEED, Set.of()))) {
            for (int run : runs) {
                if (owed == 0) {
                    decoder.start(1, PROMPT, run);
                } else {
                    decoder.step(1, new int[0], run);
                }
                owed += run;
                while (drawn.size() < owed) {
                    DecodeEvent.Answered answered = (DecodeEvent.Answered) decoder.take();
                    for (int id : answered.drawnIds()) {
                        drawn.add(id);
                    }
                }
            }
        }
        return drawn.stream().mapToInt(Integer::intValue).toArray();
    }

    @Test
    void draws_areThoseOfTheirSteps_howeverTheyAreAskedFor() throws Exception {
        TeacherClient client = client(server(true));
        int[] text = PROMPT;
        int[] expected = new int[5];
        for (int step = 0; step < 5; step++) {
            long seed = SeededUniforms.TEACHER_DRAW.bits(SEED, 1, step);
            expected[step] = engine.draws(text, seed, 1, Set.of())[0];
            text = Arrays.copyOf(text, text.length + 1);
            text[text.length - 1] = expected[step];
        }
        assertThat(draws(client, 5)).isEqualTo(expected);
        assertThat(draws(client, 1, 3, 1)).isEqualTo(expected);
    }
}
