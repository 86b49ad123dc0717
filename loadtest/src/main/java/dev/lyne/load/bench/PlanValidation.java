package dev.lyne.load.bench;

import dev.lyne.load.plan.Horizon;
import dev.lyne.load.plan.Simulation;
import dev.lyne.load.plan.TeacherCost;
import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.process.ServerProcess;
import dev.lyne.load.proxy.NetworkProxy;
import dev.lyne.load.proxy.NetworkShape;
import dev.lyne.load.result.LoadResult;
import dev.lyne.load.result.StepResult;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Measures what plans predict: servers and load generators in processes of their own. */
public final class PlanValidation {
    private static final int BATCH_TOKENS = 4_096; // the server's own defaults
    private static final double BATCH_DEADLINE_SECONDS = 0.004;
    private static final int WARM_UP_SECONDS = 8; // the pools of all set-ups are scored by then
    private static final Horizon SIMULATED = new Horizon(WARM_UP_SECONDS, 60);

    private final Path scratch;
    private final int seconds;
    private final PrintStream text;
    private final Map<String, TeacherCost> costs = new HashMap<>();
    private int runs;

    /**
     * A prediction and what came of it.
     *
     * @param error predicted over measured, less 1
     */
    public record Line(
            String setUp,
            double predictedPositionsPerSecond,
            double measuredPositionsPerSecond,
            double error,
            double predictedHitRatio,
            double measuredHitRatio,
            double predictedLatencyMillis,
            double measuredLatencyMillis) {}

    /** @param seconds counted in each load run */
    public PlanValidation(Path scratch, int seconds, PrintStream text) {
        this.scratch = scratch;
        this.seconds = seconds;
        this.text = text;
    }

    /** Predicts and measures a set-up; its teacher is calibrated first, in other set-ups, where it was not yet. */
    public Line check(PlanSetUp setUp) throws IOException, InterruptedException {
        TeacherCost cost = costs.get(setUp.teacher());
        if (cost == null) {
            cost = calibrate(setUp.teacher());
            costs.put(setUp.teacher(), cost);
        }
        Simulation.Outcome predicted = Simulation.run(cost, setUp.workload(), setUp.deployment(), SIMULATED);
        StepResult measured = measure(setUp);
        var line = new Line(
                setUp.name(),
                predicted.positionsPerSecond(),
                measured.answered().positionsPerSecond(),
                predicted.positionsPerSecond() / measured.answered().positionsPerSecond() - 1,
                predicted.hitRatio(),
                measured.answered().hitRatio(),
                predicted.latencyMillis(),
                measured.timing().latencyMillis().getOrDefault("mean", 0.0));
        text.printf(
                "%-8s predicted %,9.0f positions/s, measured %,9.0f: %+.1f %%; hit ratio %.3f and %.3f; latency %.0f and %.0f ms%n",
                line.setUp(),
                line.predictedPositionsPerSecond(),
                line.measuredPositionsPerSecond(),
                line.error() * 100,
                line.predictedHitRatio(),
                line.measuredHitRatio(),
                line.predictedLatencyMillis(),
                line.measuredLatencyMillis());
        return line;
    }

    /**
     * Measures the cost from light to saturated, computed afresh, then on rows that the cache holds: never a set-up
     * that is predicted.
     */
    private TeacherCost calibrate(String teacher) throws IOException, InterruptedException {
        try (ServerProcess server = serve(teacher)) {
            ServerProcess.Ready ready = server.awaitReady();
            LoadResult cold = load(
                    ready.listening(),
                    List.of("--metrics=" + ready.metrics(), "--in-flight=1", "--tokens=256", "--steps=1,4,32"));
            LoadResult hot = load(
                    ready.listening(),
                    List.of("--repeated=1", "--pool=32", "--students=4", "--in-flight=8", "--tokens=256"));
            TeacherCost cost =
                    TeacherCost.of(cold, BATCH_TOKENS, BATCH_DEADLINE_SECONDS).withHits(hot);
            text.printf("%s costs %s%n", teacher, cost);
            return cost;
        }
    }

    private StepResult measure(PlanSetUp setUp) throws IOException, InterruptedException {
        try (ServerProcess server = serve(setUp.teacher())) {
            ServerProcess.Ready ready = server.awaitReady();
            if (!setUp.hasNetwork()) {
                return load(ready.listening(), setUp.loadOptions()).best();
            }
            var shape = new NetworkShape((long) (setUp.delayMillis() * 1e6), setUp.mbit() * 1e6 / 8);
            try (var proxy = new NetworkProxy(new InetSocketAddress("127.0.0.1", 0), ready.address(), shape)) {
                return load("127.0.0.1:" + proxy.port(), setUp.loadOptions()).best();
            }
        }
    }

    private ServerProcess serve(String teacher) throws IOException {
        return ServerProcess.start(directory().resolve("server.log"), teacher, 1_024, List.of());
    }

    private LoadResult load(String address, List<String> options) throws IOException, InterruptedException {
        Path directory = directory();
        Path result = directory.resolve("load.json");
        List<String> arguments = new ArrayList<>(List.of(
                "load",
                "--teacher=" + address,
                "--warm-up=" + WARM_UP_SECONDS,
                "--duration=" + seconds,
                "--json=" + result));
        arguments.addAll(options);
        try (ChildProcess process = ChildProcess.start("load", directory.resolve("load.log"), 1, "512m", arguments)) {
            process.awaitSuccess();
        }
        return LoadResult.read("--json", result);
    }

    private Path directory() throws IOException {
        return Files.createDirectory(scratch.resolve("run-" + runs++));
    }
}
