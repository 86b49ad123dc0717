package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.ReportFile;
import dev.lyne.load.plan.CapacityPlan;
import dev.lyne.load.plan.Deployment;
import dev.lyne.load.plan.Horizon;
import dev.lyne.load.plan.PlanTable;
import dev.lyne.load.plan.PlanText;
import dev.lyne.load.plan.TeacherCost;
import dev.lyne.load.plan.Workload;
import dev.lyne.load.result.LoadResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A capacity plan. */
@Command(
        name = "plan",
        description =
                "Says what it takes to feed students: positions a second, replicas, cache, network, and how long students"
                        + " would wait. Learns what a teacher costs from a load run, or is told, and simulates the rest.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class PlanCommand implements Callable<Integer> {
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
            description = "Instead of --calibration: what a replica computes, time of a batch as such not counted.")
    private double tokensPerSecond;

    @Option(
            names = "--batch-overhead-ms",
            defaultValue = "0",
            description =
                    "With --tokens-per-second: time of a batch whatever its size, ms (default: ${DEFAULT-VALUE}).")
    private double batchOverheadMillis;

    @Option(
            names = "--send-us-per-row",
            defaultValue = "0",
            description = "With --tokens-per-second: time of a replica's processors on a row that it sends, us"
                    + " (default: ${DEFAULT-VALUE}).")
    private double sendMicrosPerRow;

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

    @Mixin
    private PlanWorkOptions work;

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
            names = "--long-run",
            description = "Caches hold from the start what they hold when students have gone through their corpus.")
    private boolean longRun;

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
            defaultValue = "-1",
            paramLabel = "S",
            description = "Simulated time before anything counts, s (default: 10, fewer for many students).")
    private double warmUpSeconds;

    @Option(
            names = "--duration",
            defaultValue = "-1",
            paramLabel = "S",
            description = "Simulated time that counts, s (default: 60, fewer for many students).")
    private double seconds;

    @Option(
            names = "--vary",
            paramLabel = "OPTION=V,V,…",
            description =
                    "Plan once for each of these values of a number among the options, such as students=8,64,512 or"
                            + " replicas=4,8,16, and print a table.")
    private @Nullable String vary;

    @Mixin
    private ReportFile report;

    @Spec
    private CommandSpec command;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        if (vary == null) {
            if (report.isAsked()) {
                throw new IllegalArgumentException("--report: " + report + " (expected: only with --vary)");
            }
            CapacityPlan plan = plan(true);
            json.write(JsonReport.figures(Map.of("teacher", cost(), "workload", work.workload(), "plan", plan)));
            PlanText.print(json.textOut(), cost(), work.workload(), plan, maxStall);
            return 0;
        }
        report.requireWritable(json);
        var variation = PlanVariation.parse(vary, command);
        List<CapacityPlan> plans = new ArrayList<>();
        for (String value : variation.values()) {
            variation.set(value);
            plans.add(plan(false));
        }
        PlanTable table = variation.of(plans);
        json.write(JsonReport.figures(table.byValue()));
        table.lines().forEach(json.textOut()::println);
        report.write(table.page(replicas == 0));
        return 0;
    }

    private CapacityPlan plan(boolean cacheSizes) throws IOException {
        Workload workload = work.workload();
        Horizon usual = Horizon.of(workload);
        var horizon = new Horizon(
                warmUpSeconds < 0 ? usual.warmUpSeconds() : warmUpSeconds, seconds < 0 ? usual.seconds() : seconds);
        var deployment = new Deployment(
                Math.max(1, replicas),
                cacheMib * (1 << 20),
                sharedCache,
                longRun,
                delayMillis / 1e3,
                studentMbit * 1e6 / 8,
                replicaMbit * 1e6 / 8);
        boolean find = replicas == 0 && workload.rhythm().stepSeconds() > 0;
        return CapacityPlan.of(
                cost(), workload, deployment, new CapacityPlan.Question(find, maxStall, cacheSizes, horizon));
    }

    private TeacherCost cost() throws IOException {
        TeacherCost cost;
        if (calibration != null) {
            requireNotStated("--tokens-per-second", tokensPerSecond);
            requireNotStated("--batch-overhead-ms", batchOverheadMillis);
            requireNotStated("--send-us-per-row", sendMicrosPerRow);
            cost = TeacherCost.of(
                    LoadResult.read("--calibration", calibration), batchTokens, batchDeadlineMillis / 1e3);
        } else if (tokensPerSecond > 0 && bytesPerPosition > 0) {
            cost = new TeacherCost(
                    batchOverheadMillis / 1e3,
                    1 / tokensPerSecond,
                    batchTokens,
                    batchDeadlineMillis / 1e3,
                    sendMicrosPerRow / 1e6,
                    0,
                    bytesPerPosition);
        } else {
            throw new IllegalArgumentException(
                    "--calibration: none (expected: a file, or --tokens-per-second and --bytes-per-position)");
        }
        if (calibration != null && bytesPerPosition > 0) {
            cost = cost.withBytesPerPosition(bytesPerPosition);
        }
        return hits == null ? cost : cost.withHits(LoadResult.read("--hits", hits));
    }

    private static void requireNotStated(String option, double value) {
        if (value != 0) {
            throw new IllegalArgumentException(
                    option + ": " + value + " (expected: not given with --calibration, which has measured it)");
        }
    }
}
