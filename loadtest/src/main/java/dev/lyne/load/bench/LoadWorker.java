package dev.lyne.load.bench;

import dev.lyne.client.TeacherDialer;
import dev.lyne.client.TeacherSecurity;
import dev.lyne.load.profile.Arrivals;
import dev.lyne.load.profile.FaultInjection;
import dev.lyne.load.profile.Lengths;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.profile.Selections;
import dev.lyne.load.profile.WantedPositions;
import dev.lyne.load.result.StepResult;
import dev.lyne.load.run.LoadSteps;
import dev.lyne.load.run.LoadTest;
import dev.lyne.load.wire.GrpcConnections;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/** The load generator as one student of a benchmark. */
record LoadWorker(String teacher, int number, int window) {
    /**
     * Figures of a run.
     *
     * @param rate bytes or tokens a second
     * @param cpuNanos processor time in the counted window
     */
    record Measured(long rate, long cpuNanos) {}

    private static final Duration WARM_UP = Duration.ofMillis(500);

    /** Runs it. */
    Measured run(Order.Load load) throws IOException, InterruptedException {
        Order.Workload workload = load.workload();
        // Students of one seed have the pool in common, and fresh sequences of their own seed's.
        long seed = load.repeated() ? workload.round() : workload.round() << 16 | number;
        var profile = new LoadProfile(
                new LoadProfile.Share(1, 1, 1),
                new Arrivals.Closed(window, 0),
                new LoadProfile.Requests(
                        Lengths.parse("" + workload.tokens()),
                        Selections.parse("top_k=" + workload.k(), seed),
                        workload.precision(),
                        false,
                        WantedPositions.ALL,
                        new LoadProfile.Pool(load.repeated() ? 1 : 0, workload.count())),
                FaultInjection.NONE,
                new LoadProfile.Period(WARM_UP, Duration.ofMillis(load.millis())),
                false,
                seed);
        String address = load.port() == 0 ? teacher : "127.0.0.1:" + load.port();
        try (var connections =
                new GrpcConnections(List.of(address), 1, 1, TeacherDialer.open(TeacherSecurity.LOOPBACK)::channel)) {
            StepResult step = new LoadTest(profile, LoadSteps.once(), connections, "")
                    .run(look -> {})
                    .steps()
                    .get(0);
            return new Measured(
                    Math.round(
                            load.repeated()
                                    ? step.answered().bytesPerSecond()
                                    : step.answered().sequencesPerSecond() * workload.tokens()),
                    (long) (step.generatorCpuSeconds() * 1e9));
        }
    }
}
