package dev.lyne.cli;

import dev.lyne.load.plan.CapacityPlan;
import dev.lyne.load.plan.Deployment;
import dev.lyne.load.plan.Simulation;
import dev.lyne.load.plan.TeacherCost;
import dev.lyne.load.plan.Workload;
import dev.lyne.load.result.LoadResult;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A capacity plan. */
@Command(
        name = "plan",
        description =
                "Says what it takes to feed students: positions a second, replicas, cache, network, and how long students"
                        + " would wait. Learns what a teacher costs from a load run, or is told, and simulates the rest.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class PlanCommand implements Callable<Integer> {
    @Option(
            names = "--calibration",
            paramLabel = "FILE",
            description =
                    "What load --metrics … --json wrote on the teacher: steps from light to saturated, computed afresh.")
    private @Nullable Path calibration;

    @Option(
            names = "--hits",
            paramLabel = "FILE",
            description = "What load --repeated 1 --json wrote on a hot cache: what sending costs.")
    private @Nullable Path hits;

    @Option(
            names = "--tokens-per-second",
            defaultValue = "0",
            description = "Instead of --calibration: what a replica computes in full batches.")
    private double tokensPerSecond;

    @Option(
            names = "--bytes-per-position",
            defaultValue = "0",
            description = "Instead of the calibration's: bytes of a row.")
    private double bytesPerPosition;

    @Option(
            names = "--batch-tokens",
            defaultValue = "4096",
            description = "The server's --batch-tokens (default: ${DEFAULT-VALUE}).")
    private int batchTokens;

    @Option(
            names = "--batch-deadline-ms",
            defaultValue = "4",
            description = "The server's --batch-deadline-ms (default: ${DEFAULT-VALUE}).")
    private double batchDeadlineMillis;

    @Option(names = "--students", defaultValue = "8", description = "Students (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--step-seconds",
            defaultValue = "1",
            description =
                    "What a student's step takes without waiting, s; 0: it never computes (default: ${DEFAULT-VALUE}).")
    private double stepSeconds;

    @Option(
            names = "--sequences-per-step",
            defaultValue = "16",
            description = "Sequences a step (default: ${DEFAULT-VALUE}).")
    private int sequencesPerStep;

    @Option(
            names = "--window",
            defaultValue = "64",
            description = "Sequences that a student keeps asked for or ready (default: ${DEFAULT-VALUE}).")
    private int window;

    @Option(
            names = "--think-ms",
            defaultValue = "0",
            description = "With --step-seconds 0: load's --think, ms (default: ${DEFAULT-VALUE}).")
    private double thinkMillis;

    @Option(names = "--tokens", defaultValue = "256", description = "Tokens a sequence (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(
            names = "--positions",
            defaultValue = "0",
            description = "Positions wanted of a sequence (default: all with a data token).")
    private int positions;

    @Option(
            names = "--corpus-sequences",
            defaultValue = "0",
            description = "Sequences of the corpus that all students go through (default: fresh ones for ever).")
    private long corpusSequences;

    @Option(names = "--same-order", description = "All students go through the corpus in one order.")
    private boolean sameOrder;

    @Option(
            names = "--stagger",
            defaultValue = "0",
            paramLabel = "S",
            description = "Time between the starts of students, s (default: ${DEFAULT-VALUE}).")
    private double staggerSeconds;

    @Option(
            names = "--repeated",
            defaultValue = "0",
            description = "Without a corpus: load's --repeated (default: ${DEFAULT-VALUE}).")
    private double repeated;

    @Option(names = "--pool", defaultValue = "256", description = "load's --pool (default: ${DEFAULT-VALUE}).")
    private int pool;

    @Option(
            names = "--replicas",
            defaultValue = "0",
            description = "Replicas (default: the fewest that keep the stall below --max-stall).")
    private int replicas;

    @Option(
            names = "--cache-mib",
            defaultValue = "256",
            description = "Rows that a replica keeps, MiB (default: ${DEFAULT-VALUE}).")
    private double cacheMib;

    @Option(names = "--shared-cache", description = "Replicas share a tier that keeps every row.")
    private boolean sharedCache;

    @Option(
            names = "--delay-ms",
            defaultValue = "0.1",
            description = "From student to replica, one way, ms (default: ${DEFAULT-VALUE}).")
    private double delayMillis;

    @Option(
            names = "--student-mbit",
            defaultValue = "10000",
            description = "What a student's network carries, Mbit/s (default: ${DEFAULT-VALUE}).")
    private double studentMbit;

    @Option(
            names = "--replica-mbit",
            defaultValue = "10000",
            description = "What a replica's network carries, Mbit/s (default: ${DEFAULT-VALUE}).")
    private double replicaMbit;

    @Option(
            names = "--max-stall",
            defaultValue = "0.02",
            description = "Share of their time that students may wait (default: ${DEFAULT-VALUE}).")
    private double maxStall;

    @Option(
            names = "--warm-up",
            defaultValue = "10",
            description = "Simulated time before anything counts, s (default: ${DEFAULT-VALUE}).")
    private double warmUpSeconds;

    @Option(
            names = "--seconds",
            defaultValue = "60",
            description = "Simulated time that counts, s (default: ${DEFAULT-VALUE}).")
    private double seconds;

    @Option(names = "--seed", defaultValue = "1", description = "Seed (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        if (!(seconds > 0) || !(warmUpSeconds >= 0)) {
            throw new IllegalArgumentException(
                    "--seconds: " + seconds + " after " + warmUpSeconds + " (expected: above 0, after 0 or more)");
        }
        TeacherCost cost = cost();
        var work = new Workload(
                students,
                stepSeconds,
                sequencesPerStep,
                window,
                thinkMillis / 1e3,
                tokens,
                positions == 0 ? tokens - 1 : positions,
                corpusSequences,
                sameOrder,
                staggerSeconds,
                repeated,
                pool,
                seed);
        var deployment = new Deployment(
                Math.max(1, replicas),
                cacheMib * (1 << 20),
                sharedCache,
                delayMillis / 1e3,
                studentMbit * 1e6 / 8,
                replicaMbit * 1e6 / 8);
        CapacityPlan plan = CapacityPlan.of(
                cost,
                work,
                deployment,
                new CapacityPlan.Question(replicas == 0 && stepSeconds > 0, maxStall, warmUpSeconds, seconds));
        json.write(JsonReport.figures(Map.of("teacher", cost, "workload", work, "plan", plan)));
        print(json.textOut(), cost, work, plan);
        return 0;
    }

    private TeacherCost cost() throws Exception {
        TeacherCost cost;
        if (calibration != null) {
            cost = TeacherCost.of(LoadResult.read(calibration), batchTokens, batchDeadlineMillis / 1e3);
        } else if (tokensPerSecond > 0 && bytesPerPosition > 0) {
            cost = new TeacherCost(
                    0, 1 / tokensPerSecond, batchTokens, batchDeadlineMillis / 1e3, 0, 0, bytesPerPosition);
        } else {
            throw new IllegalArgumentException(
                    "--calibration: none (expected: a file, or --tokens-per-second and --bytes-per-position)");
        }
        if (calibration != null && bytesPerPosition > 0) {
            cost = cost.withBytesPerPosition(bytesPerPosition);
        }
        return hits == null ? cost : cost.withHits(LoadResult.read(hits));
    }

    private void print(PrintStream out, TeacherCost cost, Workload work, CapacityPlan plan) {
        Simulation.Outcome chosen = plan.chosen();
        out.printf(
                "a replica            %.2f ms a batch and %.2f us a token: %,.0f tokens/s in batches of %,d%n",
                cost.secondsPerBatch() * 1e3,
                cost.secondsPerToken() * 1e6,
                cost.tokensPerSecond(),
                cost.maxBatchTokens());
        if (work.stepSeconds() > 0) {
            out.printf("positions/s wanted   %,.0f%n", plan.positionsPerSecondWanted());
            out.printf("replicas, arithmetic %.2f if no row were used twice%n", plan.replicasAtLeast());
        }
        out.printf("replicas             %d%n", chosen.replicas());
        out.printf(
                "positions/s          %,.0f, %,.0f of them computed, hit ratio %.3f%n",
                chosen.positionsPerSecond(), chosen.computedPerSecond(), chosen.hitRatio());
        out.printf("latency, mean        %.1f ms%n", chosen.latencyMillis());
        if (work.stepSeconds() > 0) {
            out.printf(
                    "stall                %.1f %% of the students' time, %.1f %% of the worst's%s%n",
                    chosen.stallShare() * 100,
                    chosen.worstStallShare() * 100,
                    plan.met() ? "" : String.format(" (more than the %.1f %% allowed)", maxStall * 100));
        }
        out.printf(
                "devices busy         %.1f %%, the busiest %.1f %%%n",
                chosen.deviceBusyShare() * 100, chosen.busiestDeviceShare() * 100);
        out.printf(
                "network              %,.2f Mbit/s a student, %,.2f Mbit/s a replica%n",
                plan.bytesPerSecondPerStudent() * 8 / 1e6, plan.bytesPerSecondPerReplica() * 8 / 1e6);
        plan.caches()
                .forEach(cache -> out.printf(
                        "cache of %,10.0f MiB a replica: hit ratio %.3f, stall %.1f %%, devices busy %.1f %%%n",
                        cache.mebibytesPerReplica(),
                        cache.outcome().hitRatio(),
                        cache.outcome().stallShare() * 100,
                        cache.outcome().deviceBusyShare() * 100));
    }
}
