package dev.lyne.cli.demo;

import dev.lyne.load.process.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The main job, end to end, on what ships with the repository. */
@Command(
        name = "demo",
        description =
                "Starts a teacher server and two students of the same shape, seed and data: one learns from the teacher's stream, "
                        + "its twin from text alone. Writes report.html and summary.json.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
public final class DemoCommand implements Callable<Integer> {
    @Option(names = "--quick", description = "A short run, for a first look: figures mean little.")
    private boolean quick;

    @Option(
            names = "--on-policy",
            description =
                    "In place of the two: a student that goes on with the text, and one from the same start that trains on text which it "
                            + "writes with the teacher (MiniLLM).")
    private boolean onPolicy;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "demo-out",
            description = "Directory of what it writes (default: ./${DEFAULT-VALUE}).")
    private Path out;

    @Option(names = "--seed", defaultValue = "1", description = "Seed of both students (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    public Integer call() throws Exception {
        Directories.requirePlace("--out", out);
        clear();
        Files.createDirectories(out);
        if (onPolicy) {
            new OnPolicyDemo(quick ? OnPolicyPlan.quick(seed) : OnPolicyPlan.full(seed), out, System.out).run();
        } else {
            new DemoRun(quick ? DemoPlan.quick(seed) : DemoPlan.full(seed), out, System.out).run();
        }
        return 0;
    }

    /** Removes what an earlier demo left; a directory that holds anything else is refused. */
    private void clear() throws IOException {
        if (!Files.exists(out)) {
            return;
        }
        boolean empty;
        try (Stream<Path> entries = Files.list(out)) {
            empty = entries.findAny().isEmpty();
        }
        if (!empty && !Files.exists(out.resolve(DemoProcesses.MARKER))) {
            throw new IllegalArgumentException(
                    "--out: " + out + " holds other files (expected: a new directory, or an earlier demo's)");
        }
        Directories.delete(out);
    }
}
