package dev.lyne.cli.measure;

import dev.lyne.cli.common.Failures;
import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.fault.FaultBench;
import dev.lyne.load.fault.FaultCases;
import dev.lyne.load.process.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What students and servers make of faults, each against real processes. */
@Command(
        name = "faults",
        description = "Faults against real processes: replicas that stand still, crawl, hang or die, a student that is"
                + " suspended, messages that are none, memory that is short. Exit 1 where a case costs more than time.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchFaults implements Callable<Integer> {
    @Option(names = "--short", description = "Smaller students and shorter waits, and no bounds on time but patience.")
    private boolean brief;

    @Option(names = "--only", split = ",", paramLabel = "CASE", description = "Run these cases alone (default: all).")
    private @Nullable List<String> only;

    @Option(names = "--keep", paramLabel = "DIR", description = "Leave logs and runs in DIR (default: none are left).")
    private @Nullable Path keep;

    @Mixin
    private JsonReport json;

    /** The report. */
    record Report(boolean brief, List<FaultCases.Outcome> cases) {}

    @Override
    public Integer call() throws Exception {
        List<String> wanted = only == null ? FaultCases.names() : only;
        for (String name : wanted) {
            if (!FaultCases.names().contains(name)) {
                throw new IllegalArgumentException(
                        "--only: " + name + " (expected: some of " + String.join(", ", FaultCases.names()) + ")");
            }
        }
        Path scratch = keep == null ? Files.createTempDirectory("lyne-faults") : Files.createDirectories(keep);
        List<FaultCases.Outcome> outcomes = new ArrayList<>();
        try {
            var cases = new FaultCases(new FaultBench(scratch.toAbsolutePath(), brief), Failures::describe);
            for (String name : wanted) {
                FaultCases.Outcome outcome = cases.run(name);
                outcomes.add(outcome);
                json.textOut().println(line(outcome));
            }
        } finally {
            if (keep == null && outcomes.stream().allMatch(FaultCases.Outcome::passed)) {
                Directories.delete(scratch);
            } else {
                System.err.println("logs and runs: " + scratch);
            }
        }
        json.write(JsonReport.figures(new Report(brief, outcomes)));
        return outcomes.stream().allMatch(FaultCases.Outcome::passed) ? 0 : 1;
    }

    private static String line(FaultCases.Outcome outcome) throws IOException {
        return String.format(
                "%-6s %-18s %6.1f s, undisturbed %.1f s%s",
                outcome.passed() ? "passed" : "FAILED",
                outcome.name(),
                outcome.seconds(),
                outcome.secondsAlone(),
                outcome.reason().isEmpty() ? "" : ": " + outcome.reason());
    }
}
