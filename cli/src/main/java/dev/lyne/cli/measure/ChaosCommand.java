package dev.lyne.cli.measure;

import dev.lyne.cli.common.Failures;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.fault.ChaosResult;
import dev.lyne.load.fault.ChaosRun;
import dev.lyne.load.fault.ChaosSettings;
import dev.lyne.load.fault.FaultBench;
import dev.lyne.load.fault.FaultCases;
import dev.lyne.load.fault.FaultKind;
import dev.lyne.load.page.ChaosPage;
import dev.lyne.load.process.Directories;
import dev.lyne.load.process.Signals;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Command that lets faults strike students and servers. */
@Command(
        name = "chaos",
        description =
                "Faults against real servers and students: a network that delays, throttles, drops, resets, truncates and corrupts, processes"
                        + " that are killed or stopped, full disks, a Redis that is gone or frozen, by a schedule that the seed decides; or"
                        + " named cases of faults, by --case. Exit 1 where a fault costs more than time.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class ChaosCommand implements Callable<Integer> {
    private static final String ALL = "all";

    /** A file that tells an earlier run's directory from anybody else's. */
    private static final String MARK = "lyne-chaos";

    @Option(
            names = "--seed",
            defaultValue = "1",
            paramLabel = "N",
            description = "Seed of the schedule (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--minutes",
            defaultValue = "10",
            paramLabel = "M",
            description =
                    "How long faults strike; students under way are let finish, and with faults every 5 s each kind comes up within the first"
                            + " three minutes (default: ${DEFAULT-VALUE}).")
    private double minutes;

    @Option(
            names = "--students",
            defaultValue = "4",
            paramLabel = "N",
            description = "Students at a time (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--replicas",
            defaultValue = "2",
            paramLabel = "N",
            description = "Servers, each behind a proxy (default: ${DEFAULT-VALUE}).")
    private int replicas;

    @Option(
            names = "--fault-seconds",
            defaultValue = "5",
            paramLabel = "S",
            description =
                    "Time between faults of the network; others come a third as often, and kills at most every 30 s (default: ${DEFAULT-VALUE}).")
    private double faultSeconds;

    @Option(
            names = "--case",
            split = ",",
            paramLabel = "CASE",
            description = "Run these named cases instead, or all; a wrong name shows those there are.")
    private @Nullable List<String> cases;

    @Option(
            names = "--short",
            description =
                    "Tiny students of a teacher without a model; of cases, also shorter waits, and no bounds on time but timeouts.")
    private boolean brief;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description =
                    "Where report.html, logs and runs are left; what an earlier run left there is removed (default: chaos-out; of cases that"
                            + " pass, nothing is left).")
    private @Nullable Path out;

    @Mixin
    private JsonReport json;

    @Spec
    private CommandSpec command;

    /** The report of named cases. */
    record Cases(boolean brief, List<FaultCases.Outcome> cases) {}

    @Override
    public Integer call() throws Exception {
        json.requireWritable();
        return cases == null ? chaos() : named(cases);
    }

    private int chaos() throws Exception {
        Set<FaultKind> leftOut =
                Signals.canFillDisk() ? Set.of() : Set.of(FaultKind.SERVER_DISK_FULL, FaultKind.STUDENT_DISK_FULL);
        var settings = new ChaosSettings(seed, minutes, students, replicas, faultSeconds, leftOut);
        Path scratch = directory(out == null ? Path.of("chaos-out") : out);
        FaultBench bench = brief ? FaultBench.tinyForChaos(scratch) : FaultBench.quickDemo(scratch);
        ChaosResult result = new ChaosRun(bench, settings, scratch, System.err::println).run();
        ChaosPage.of(result).write(scratch.resolve("report.html"));
        json.report(result);
        result.shortfalls().forEach(System.err::println);
        json.textOut().println("page, logs and runs: " + scratch);
        return result.holds() ? 0 : 1;
    }

    /** A directory that holds nothing but the mark of whose it is. */
    private static Path directory(Path wanted) throws IOException {
        Directories.requirePlace("--out", wanted);
        Path mark = wanted.resolve(MARK);
        if (Files.exists(mark)) {
            Directories.delete(wanted);
        }
        Files.createDirectories(wanted);
        try (var entries = Files.list(wanted)) {
            if (entries.findAny().isPresent()) {
                throw new IllegalArgumentException("--out: " + wanted
                        + " holds what no run of chaos left there (expected: an empty directory, or a place for one)");
            }
        }
        Files.writeString(mark, "Made by `lyne chaos`, which removes this directory when it runs again.\n");
        return wanted.toAbsolutePath();
    }

    /** Refuses options of the schedule, which say nothing of cases. */
    private void requireNoSchedule() {
        for (String option : List.of("--seed", "--minutes", "--students", "--replicas", "--fault-seconds")) {
            if (command.commandLine().getParseResult().hasMatchedOption(option)) {
                throw new IllegalArgumentException(option + ": not with --case (expected: none, or no --case)");
            }
        }
    }

    private int named(List<String> wanted) throws Exception {
        requireNoSchedule();
        List<String> names = wanted.equals(List.of(ALL)) ? FaultCases.names() : wanted;
        for (String name : names) {
            if (!FaultCases.names().contains(name)) {
                throw new IllegalArgumentException("--case: " + name + " (expected: " + ALL + ", or some of "
                        + String.join(", ", FaultCases.names()) + ")");
            }
        }
        Path scratch = directory(out == null ? Files.createTempDirectory("lyne-faults") : out);
        List<FaultCases.Outcome> outcomes = new ArrayList<>();
        boolean passed = false;
        try {
            var bench = new FaultCases(FaultBench.tiny(scratch, brief), Failures::describe);
            for (String name : names) {
                FaultCases.Outcome outcome = bench.run(name);
                outcomes.add(outcome);
                json.textOut().println(line(outcome));
            }
            passed = outcomes.stream().allMatch(FaultCases.Outcome::passed);
        } finally {
            if (passed && out == null) {
                Directories.delete(scratch);
            } else {
                System.err.println("logs and runs: " + scratch);
            }
        }
        json.write(JsonReport.figures(new Cases(brief, outcomes)));
        return passed ? 0 : 1;
    }

    private static String line(FaultCases.Outcome outcome) {
        return String.format(
                "%-6s %-21s %6.1f s, undisturbed %.1f s%s",
                outcome.passed() ? "passed" : "FAILED",
                outcome.name(),
                outcome.seconds(),
                outcome.secondsAlone(),
                outcome.reason().isEmpty() ? "" : ": " + outcome.reason());
    }
}
