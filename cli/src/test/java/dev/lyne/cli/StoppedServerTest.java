package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.FaultInjection;
import dev.lyne.load.profile.Lengths;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.profile.Selections;
import dev.lyne.load.profile.WantedPositions;
import dev.lyne.load.result.Histograms;
import dev.lyne.load.result.StepResult;
import dev.lyne.load.run.LoadSteps;
import dev.lyne.load.run.LoadTest;
import dev.lyne.load.run.Progress;
import dev.lyne.load.wire.GrpcConnections;
import dev.lyne.row.Precision;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/**
 * A server process that is stopped where it stands for S seconds, about one, while 100 sequences a second are due for six. Those due
 * meanwhile wait from S down to nothing, so of 600 the 60 slowest wait S − 0.6 s or more, the 30 slowest S − 0.3 s, the 6 slowest
 * S − 0.06 s. A busy machine only adds to that, so nothing is said of how much more it may be; {@code ServerThatStopsForASecondTest} says it to
 * the millisecond.
 */
final class StoppedServerTest {
    private static final int RATE = 100;
    private static final int SECONDS = 6;

    @TempDir
    private Path directory;

    @BeforeAll
    static void findTheExample() {
        System.setProperty("lyne.home", "..");
    }

    @Test
    void openLoop_serverStoppedForASecond_showsThePercentilesThatFollow() throws Exception {
        try (ChildProcess server = ChildProcess.start(
                "server",
                directory.resolve("server.log"),
                1,
                "256m",
                List.of("serve", "--teacher=synthetic:vocabulary=1000,tokens_per_second=0", "--listen=127.0.0.1:0"))) {
            String address = JsonMapper.shared()
                    .readTree(server.readLine())
                    .get("listening")
                    .asString();
            var stop = new Stop(server);
            StepResult step;
            try (var connections = new GrpcConnections(
                    List.of(address), 2, 1, TeacherDialer.open(TeacherSecurity.LOOPBACK)::channel)) {
                step = new LoadTest(profile(), LoadSteps.once(), connections, "")
                        .run(stop)
                        .steps()
                        .get(0);
            }
            double stopped = stop.nanos / 1e6;
            assertThat(step.counts().intended()).isEqualTo(RATE * SECONDS);
            assertThat(step.counts().failed() + step.counts().unanswered()).isZero();
            assertThat(stopped).isBetween(800.0, 3_000.0);
            assertThat(step.timing().latencyMillis().get("p90")).isGreaterThan(stopped - 600 - 60);
            assertThat(step.timing().latencyMillis().get("p95")).isGreaterThan(stopped - 300 - 60);
            assertThat(step.timing().latencyMillis().get("p99")).isGreaterThan(stopped - 60 - 60);
            assertThat(step.timing().latencyMillis().get("max")).isGreaterThan(stopped - 60);
            double best = step.intervals().stream()
                    .mapToDouble(interval ->
                            Histograms.read(interval.latencyHistogram()).getValueAtPercentile(50) / 1e3)
                    .min()
                    .orElseThrow();
            assertThat(best).as("median of the best second").isLessThan(stopped / 4);
        }
    }

    private static LoadProfile profile() {
        return new LoadProfile(
                new LoadProfile.Share(2, 1, 1),
                new Arrivals.Open(RATE, true),
                new LoadProfile.Requests(
                        Lengths.parse("16"),
                        Selections.parse("top_k=8", 1),
                        Precision.EXACT,
                        false,
                        WantedPositions.ALL,
                        new LoadProfile.Pool(0, 1)),
                FaultInjection.NONE,
                new LoadProfile.Period(Duration.ofSeconds(2), Duration.ofSeconds(SECONDS)),
                false,
                3);
    }

    /** Stops the server at the second look of the counted window, lets it go on at the third, a second later. */
    private static final class Stop implements Progress {
        private final ChildProcess server;
        private int looks;
        private long began;
        private long nanos;

        Stop(ChildProcess server) {
            this.server = server;
        }

        @Override
        public void tell(Look look) {
            looks += look.warm() ? 1 : 0;
            try {
                if (look.warm() && looks == 2) {
                    server.signal("STOP");
                    began = System.nanoTime();
                } else if (looks == 3) {
                    nanos = System.nanoTime() - began;
                    server.signal("CONT");
                }
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
    }
}
