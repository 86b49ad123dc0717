package dev.lyne.load.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.FaultInjection;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.profile.Profiles;
import dev.lyne.load.result.StepResult;
import dev.lyne.load.wire.Connections;
import dev.lyne.load.wire.GrpcConnections;
import dev.lyne.load.wire.RowStream;
import dev.lyne.load.wire.StreamEvents;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against a real server. Nothing here depends on how fast the machine is. */
final class LoadTestTest {
    private TeacherServer server;

    @BeforeEach
    void start() throws Exception {
        var settings = SyntheticSettings.parse("synthetic:vocabulary=1000,context=64,tokens_per_second=0");
        server = TeacherServer.start(
                List.of(new SyntheticTeacher("synthetic", settings, false)),
                TeacherServerOptions.builder()
                        .metrics(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .build());
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.close();
    }

    private StepResult run(Arrivals arrivals, FaultInjection faults, String tokens, double repeated, boolean decode)
            throws Exception {
        var profile = Profiles.of(
                3, arrivals, faults, Profiles.requests(tokens, "top_k=8", repeated), Duration.ofMillis(1_500), decode);
        try (var connections = new GrpcConnections(
                List.of("127.0.0.1:" + server.port()), 3, 1, TeacherDialer.open(TeacherSecurity.LOOPBACK)::channel)) {
            String metrics = "127.0.0.1:" + server.metricsPort().orElseThrow();
            return new LoadTest(profile, LoadSteps.once(), connections, metrics)
                    .run(look -> {})
                    .steps()
                    .get(0);
        }
    }

    @Test
    void run_closedLoop_countsWhatTheServerSent() throws Exception {
        StepResult step = run(new Arrivals.Closed(4, 0), FaultInjection.NONE, "20..40", 0.5, true);
        assertThat(step.counts().sequences()).isPositive();
        assertThat(step.answered().positions())
                .isBetween(step.counts().sequences() * 19, step.counts().sequences() * 39);
        assertThat(step.answered().positionsBySource().values().stream()
                        .mapToLong(n -> n)
                        .sum())
                .isEqualTo(step.answered().positions());
        assertThat(step.answered().positionsBySource()).containsKeys("computed", "memory");
        assertThat(step.answered().bytesPerPosition())
                .isBetween(40.0, 120.0); // 8 entries of 8 bytes, and the row's own
        assertThat(step.counts().failed() + step.counts().unanswered()).isZero();
        assertThat(step.server().get("lyne_teacher_positions_served_total{teacher=\"synthetic\"}"))
                .isPositive();
    }

    @Test
    void run_openLoopWithFaults_answersEverythingThatWasDue() throws Exception {
        StepResult step = run(new Arrivals.Open(60, false), new FaultInjection(0.5, 0.1, 0.5), "20", 0, false);
        assertThat(step.counts().intended()).isPositive();
        assertThat(step.counts().failed() + step.counts().unanswered()).isZero();
        assertThat(step.interruptions().reconnects()).isPositive();
    }

    @Test
    void run_moreTokensThanTheContext_failsByReason() throws Exception {
        StepResult step = run(new Arrivals.Open(20, true), FaultInjection.NONE, "65", 0, false);
        assertThat(step.interruptions().refusals()).containsOnlyKeys("INVALID_REQUEST");
        assertThat(step.counts().failed()).isEqualTo(step.counts().intended());
    }

    @Test
    void run_serverThatRefusesTheStream_saysWhy() {
        var profile = Profiles.of(
                1,
                new Arrivals.Closed(1, 0),
                FaultInjection.NONE,
                Profiles.requests("20", "top_k=5000", 0),
                Duration.ofSeconds(1),
                false);
        try (var connections = new GrpcConnections(
                List.of("127.0.0.1:" + server.port()), 1, 1, TeacherDialer.open(TeacherSecurity.LOOPBACK)::channel)) {
            assertThatThrownBy(() -> new LoadTest(profile, LoadSteps.once(), connections, "").run(look -> {}))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("INVALID_ARGUMENT")
                    .hasMessageContaining("5000");
        }
    }

    private static final LoadProfile SHORT = Profiles.of(
            1,
            new Arrivals.Closed(1, 0),
            FaultInjection.NONE,
            Profiles.requests("20", "top_k=8", 0),
            Duration.ofMillis(100),
            false);

    private static LoadSteps drainingFor(Duration drain) {
        return new LoadSteps(List.of(), 0, 1, Duration.ofMinutes(1), drain);
    }

    /** A connection that fails only when the step is over. */
    @Test
    void run_streamRefusedAfterTheStep_saysWhy() {
        AtomicReference<@Nullable StreamEvents> stream = new AtomicReference<>();
        Connections late = (student, kind, events) -> {
            stream.set(events);
            return new SilentStream();
        };
        LoadTest test = new LoadTest(SHORT, drainingFor(Duration.ofMinutes(5)), late, "");
        assertThatThrownBy(() -> test.run(
                        look -> Objects.requireNonNull(stream.get()).closed("UNAVAILABLE", "host:1: timed out")))
                .isInstanceOf(IOException.class)
                .hasMessage("no stream: UNAVAILABLE: host:1: timed out");
    }

    @Test
    void run_serverThatNeitherOpensNorRefuses_isToldFromOneThatAnswersNothing() {
        LoadTest test = new LoadTest(
                SHORT, drainingFor(Duration.ofMillis(50)), (student, kind, events) -> new SilentStream(), "");
        assertThatThrownBy(() -> test.run(look -> {}))
                .isInstanceOf(IOException.class)
                .hasMessageMatching("no stream: neither opened nor refused within [0-9.]+ s \\(expected: .*");
    }

    private static final class SilentStream implements RowStream {
        @Override
        public void ask(long id, byte[] body) {}

        @Override
        public void read(int messages) {}

        @Override
        public void finish() {}

        @Override
        public void drop() {}
    }

    @Test
    void parse_prometheusPage_keepsLynesSeries() {
        Map<String, Double> values = ServerMetrics.parse("""
                # HELP lyne_teacher_streams Open streams
                lyne_teacher_streams 3.0
                lyne_teacher_queue_wait_seconds{teacher="a",quantile="0.5"} 0.1
                lyne_teacher_queue_wait_seconds_max{teacher="a"} 0.1
                lyne_teacher_refusals_total{reason="queue_full"} 7.0
                jvm_threads_live 4
                """);
        assertThat(values)
                .containsExactlyInAnyOrderEntriesOf(
                        Map.of("lyne_teacher_streams", 3.0, "lyne_teacher_refusals_total{reason=\"queue_full\"}", 7.0));
    }
}
