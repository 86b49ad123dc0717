package dev.lyne.cli.measure;

import dev.lyne.cli.common.JsonReport;
import dev.lyne.load.bench.SharingBenchmark;
import dev.lyne.load.process.Home;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Command that measures what several students of one corpus cost the teacher, against one of them. */
@Command(
        name = "sharing",
        description = "Positions that a teacher server scores for several student processes on one corpus, against one"
                + " student: at once, and staggered with a memory cache of a tenth of the corpus's rows, without a disk"
                + " cache and with one.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchSharing implements Callable<Integer> {
    @Option(names = "--students", defaultValue = "8", description = "Student processes (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--stagger",
            defaultValue = "20",
            paramLabel = "SECONDS",
            description = "Between the starts of staggered students (default: ${DEFAULT-VALUE}).")
    private int stagger;

    @Option(names = "--corpus", paramLabel = "FILE", description = "Text (default: the example's held-out addresses).")
    private Path corpus = Home.heldOut();

    @Option(
            names = "--rounds",
            split = ",",
            defaultValue = "at_once,staggered,disk",
            paramLabel = "NAME",
            description =
                    "Rounds to run after that of one student: at_once, staggered, disk (default: ${DEFAULT-VALUE}).")
    private Set<String> named;

    @Option(
            names = "--disk-cache-mib",
            defaultValue = "4096",
            paramLabel = "N",
            description = "Disk cache of the last round, MiB (default: ${DEFAULT-VALUE}).")
    private long diskMib;

    @Mixin
    private JsonReport json;

    @Override
    public Integer call() throws Exception {
        if (!Files.isReadable(corpus)) {
            throw new IllegalArgumentException("--corpus: " + corpus + " cannot be read (expected: a text file)");
        }
        if (!SharingBenchmark.ROUNDS.containsAll(named)) {
            throw new IllegalArgumentException(
                    "--rounds: " + named + " (expected: some of " + SharingBenchmark.ROUNDS + ")");
        }
        json.report(new SharingBenchmark(students, stagger, diskMib, System.err).run(corpus, named));
        return 0;
    }
}
