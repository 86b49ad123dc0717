package dev.lyne.cli.measure;

import dev.lyne.cli.common.AtLeast;
import dev.lyne.cli.common.HostPort;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.cli.common.ReportFile;
import dev.lyne.cli.common.TeacherSecurityOptions;
import dev.lyne.client.ClientOptions;
import dev.lyne.client.RequestPriority;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherDialer;
import dev.lyne.load.page.LoadPage;
import dev.lyne.load.process.LoadProcesses;
import dev.lyne.load.profile.LoadProfile;
import dev.lyne.load.result.LoadComparison;
import dev.lyne.load.result.LoadResult;
import dev.lyne.load.result.LoadText;
import dev.lyne.load.result.Merge;
import dev.lyne.load.run.LoadSteps;
import dev.lyne.load.run.LoadTest;
import dev.lyne.load.wire.GrpcConnections;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A load test. */
@Command(
        name = "load",
        description = "Load-tests a teacher server with many students: a closed loop, in which each keeps a window of"
                + " sequences in flight, or with --rate an open one, in which sequences come when they are due. Blocks are"
                + " counted, and decoded only with --decode. Also merges and compares what it wrote with --json.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class LoadCommand implements Callable<Integer> {
    /** Options that say how a run is told, not what it does. */
    static final Set<String> NOT_FACTS = Set.of(
            "--json",
            "--report",
            "--compare",
            "--merge",
            "--retry-seconds",
            "--processes",
            "--start-at",
            "--help",
            "--version",
            "--threads",
            "--unjudged",
            "--max-failures",
            "--max-p99-ms",
            "--min-positions-per-second");

    @Option(names = "--teacher", paramLabel = "HOST:PORT", description = "The teacher server, or its replicas.")
    private @Nullable String teacher;

    @Mixin
    private TeacherSecurityOptions security;

    @Option(
            names = "--retry-seconds",
            paramLabel = "S",
            defaultValue = "0",
            description =
                    "Most seconds to wait for a server to answer before the first step (default: ${DEFAULT-VALUE}, unlike"
                            + " elsewhere: a load test that waits by itself would hide that nobody was there).")
    private double retrySeconds;

    @Mixin
    private LoadProfileOptions profile;

    @Mixin
    private LoadGates gates;

    @Option(
            names = "--steps",
            split = ",",
            paramLabel = "N",
            description = "Steps: students of a closed loop, sequences a second of an open one.")
    private List<Double> steps = List.of();

    @Option(
            names = "--ramp",
            arity = "0..1",
            fallbackValue = "1.5",
            defaultValue = "0",
            paramLabel = "FACTOR",
            description =
                    "Go on from the last step, each so many times the one before (${FALLBACK-VALUE}), until the server"
                            + " is saturated: an open loop's answers fall below 0.95 of what is offered, a closed loop's throughput"
                            + " grows by less than 5 %%, or p99 passes --ramp-until-p99-ms.")
    private double ramp;

    @Option(
            names = "--ramp-until-p99-ms",
            defaultValue = "60000",
            paramLabel = "MS",
            description = "p99 latency at which a ramp stops, ms (default: ${DEFAULT-VALUE}).")
    private long maxP99Millis;

    @Option(
            names = "--max-steps",
            defaultValue = "12",
            description = "Most steps of a ramp (default: ${DEFAULT-VALUE}).")
    private int maxSteps;

    @Option(
            names = "--drain",
            defaultValue = "30",
            paramLabel = "S",
            description = "Longest wait for what was due in a step's window, s (default: ${DEFAULT-VALUE}).")
    private double drainSeconds;

    @Option(
            names = "--metrics",
            defaultValue = "",
            paramLabel = "HOST:PORT",
            description = "Read the server's metrics there meanwhile.")
    private String metrics;

    @Option(
            names = "--threads",
            defaultValue = "2",
            description = "Event loops of each process (default: ${DEFAULT-VALUE}).")
    private int threads;

    @Option(
            names = "--processes",
            defaultValue = "1",
            paramLabel = "N",
            description = "Run the students in N processes of this machine and merge (default: ${DEFAULT-VALUE}).")
    private int processes;

    @Option(
            names = "--start-at",
            paramLabel = "TIME",
            description =
                    "Begin at that time (ISO 8601, UTC), so that parts on several hosts run side by side; needs --seed.")
    private @Nullable Instant startAt;

    @Mixin
    private ReportFile report;

    @Option(
            names = "--compare",
            arity = "2",
            paramLabel = "FILE",
            description = "Compare two results of --json, step by step, with intervals of confidence; runs nothing.")
    private List<Path> compare = List.of();

    @Option(
            names = "--merge",
            arity = "2..*",
            paramLabel = "FILE",
            description = "Merge results of the parts of one load; runs nothing.")
    private List<Path> merge = List.of();

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        gates.requirePossible();
        AtLeast.require("--threads", threads, 1);
        AtLeast.require("--processes", processes, 1);
        AtLeast.require("--max-steps", maxSteps, 1);
        report.requireWritable(json);
        if (!compare.isEmpty()) {
            var lines = LoadComparison.of(
                    LoadResult.read("--compare", compare.get(0)), LoadResult.read("--compare", compare.get(1)), 1);
            json.write(lines);
            lines.forEach(json.textOut()::println);
            return 0;
        }
        LoadResult result = merge.isEmpty() ? load() : merged(merge);
        json.writeText(result.toJson());
        report.write(LoadPage.of(result));
        if (!json.toStdout()) {
            result.steps().forEach(step -> LoadText.print(System.out, step));
            if (!result.saturatedAt().isEmpty()) {
                System.out.println("saturated at " + result.saturatedAt());
            }
        }
        List<String> missed = gates.missed(result);
        missed.forEach(line -> System.err.println("lyne: " + line));
        return missed.isEmpty() ? 0 : 1;
    }

    private static LoadResult merged(List<Path> files) throws IOException {
        List<LoadResult> parts = new ArrayList<>();
        for (Path file : files) {
            parts.add(LoadResult.read("--merge", file));
        }
        return Merge.of(parts);
    }

    private LoadResult load() throws IOException, InterruptedException {
        if (teacher == null) {
            throw new IllegalArgumentException("--teacher: none (expected: HOST:PORT, or --compare or --merge)");
        }
        TeacherClient.requireUsable(teacher, security.security());
        if (!(retrySeconds >= 0 && retrySeconds <= 1e7)) {
            throw new IllegalArgumentException("--retry-seconds: " + retrySeconds + " (expected: 0..1e7)");
        }
        if (!metrics.isEmpty()) {
            HostPort.parse("--metrics", metrics);
        }
        LoadProfile whole = profile.profile();
        RequestPriority priority = profile.priority();
        if (processes > 1) {
            if (ramp > 0 || whole.share().parts() > 1) {
                throw new IllegalArgumentException("--processes: " + processes + " with "
                        + (ramp > 0
                                ? "--ramp (expected: --steps, which every process knows)"
                                : "--part (expected: one)"));
            }
            if (startAt != null) {
                throw new IllegalArgumentException(
                        "--processes: " + processes + " with --start-at (expected: one of them)");
            }
            awaitTeacher(teacher);
            tellSeed(whole);
            return new LoadProcesses(processes).run(profile.facts(whole.seed()));
        }
        var schedule = new LoadSteps(
                steps, ramp, maxSteps, Duration.ofMillis(maxP99Millis), LoadProfileOptions.seconds(drainSeconds));
        if (startAt != null) {
            profile.requireSeed("--start-at");
        }
        awaitTeacher(teacher);
        tellSeed(whole);
        if (startAt != null) {
            TimeUnit.MILLISECONDS.sleep(Math.max(0, Instant.now().until(startAt, ChronoUnit.MILLIS)));
        }
        String startedAt = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        int most = steps.stream().mapToInt(Double::intValue).max().orElse(0);
        try (var connections = new GrpcConnections(
                Arrays.asList(teacher.split(",")),
                Math.max(whole.share().students(), Math.min(most, 4_096)),
                threads,
                TeacherDialer.open(security.security())::channel,
                priority)) {
            var outcome = new LoadTest(whole, schedule, connections, metrics).run(new LoadProgress(System.err));
            return new LoadResult(
                    LoadResult.FORMAT,
                    profile.facts(whole.seed()),
                    outcome.teacher(),
                    startedAt,
                    1,
                    outcome.saturatedAt(),
                    outcome.steps());
        }
    }

    /** Returns once a server has answered, at once where none is to be waited for. */
    private void awaitTeacher(String addresses) {
        if (retrySeconds == 0) {
            return;
        }
        ClientOptions patient = ClientOptions.builder()
                .security(security.security())
                .retryFor(LoadProfileOptions.seconds(retrySeconds))
                .listener(System.err::println)
                .build();
        TeacherClient.connect(addresses, patient).close();
    }

    /** A seed that nobody gave is said, so that the run can be repeated. */
    private void tellSeed(LoadProfile whole) {
        System.err.printf(
                "seed %d%s%n",
                whole.seed(), profile.hasSeed() ? "" : ", a fresh one; --seed " + whole.seed() + " asks for the same");
    }
}
