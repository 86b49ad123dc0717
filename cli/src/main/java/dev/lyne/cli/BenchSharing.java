package dev.lyne.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What several students of one corpus cost the teacher, against one of them. */
@Command(
        name = "sharing",
        description = "Positions that a teacher server scores for several student processes on one corpus, against one"
                + " student: at once, and staggered with a memory cache of a tenth of the corpus's rows, without a disk"
                + " cache and with one.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchSharing implements Callable<Integer> {
    private static final long AMPLE_MIB = 2_048;
    private static final Set<String> KNOWN = Set.of("at_once", "staggered", "disk");

    @Option(names = "--students", defaultValue = "8", description = "Student processes (default: ${DEFAULT-VALUE}).")
    private int students;

    @Option(
            names = "--stagger",
            defaultValue = "20",
            paramLabel = "SECONDS",
            description = "Between the starts of staggered students (default: ${DEFAULT-VALUE}).")
    private int stagger;

    @Option(names = "--corpus", paramLabel = "FILE", description = "Text (default: the example's held-out addresses).")
    private Path corpus = DemoPlan.heldOut();

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

    /**
     * The figures.
     *
     * @param corpusPositions positions that one student needs
     * @param rounds one round a way to start and cache
     */
    record Result(int students, long corpusPositions, List<Round> rounds) {}

    /**
     * One round.
     *
     * @param positionsOverOne positions scored, over those scored for one student alone
     * @param hits sequences found in the cache; {@code coalesced} joined a computation, {@code misses} began one
     */
    record Round(
            String name,
            int students,
            int staggerSeconds,
            long memoryCacheMib,
            long diskCacheMib,
            long positionsScored,
            long positionsServed,
            double positionsOverOne,
            long hits,
            long coalesced,
            long misses,
            double seconds) {}

    @Override
    public Integer call() throws Exception {
        if (!Files.isReadable(corpus)) {
            throw new IllegalArgumentException("--corpus: " + corpus + " cannot be read (expected: a text file)");
        }
        if (!KNOWN.containsAll(named)) {
            throw new IllegalArgumentException("--rounds: " + named + " (expected: some of " + KNOWN + ")");
        }
        Path scratch = Files.createTempDirectory("lyne-bench");
        SharingRun run = new SharingRun(corpus, scratch, System.err);
        long start = System.nanoTime();
        ServerFigures one = run.round(1, 0, AMPLE_MIB, 0, number -> 1);
        List<Round> rounds = new ArrayList<>();
        rounds.add(round("one student", 1, 0, AMPLE_MIB, 0, one, one, start));
        if (named.contains("at_once")) {
            start = System.nanoTime();
            ServerFigures figures = run.round(students, 0, AMPLE_MIB, 0, number -> 1 + number);
            rounds.add(round("at once, each in an order of its own", students, 0, AMPLE_MIB, 0, figures, one, start));
        }
        long tenthMib = Math.max(1, (one.bytesServed() / 10) >> 20);
        if (named.contains("staggered")) {
            start = System.nanoTime();
            ServerFigures figures = run.round(students, stagger, tenthMib, 0, number -> 1);
            rounds.add(round(
                    "staggered, in one order, a tenth of the rows in memory",
                    students,
                    stagger,
                    tenthMib,
                    0,
                    figures,
                    one,
                    start));
        }
        if (named.contains("disk")) {
            start = System.nanoTime();
            ServerFigures figures = run.round(students, stagger, tenthMib, diskMib, number -> 1 + number);
            rounds.add(round(
                    "staggered, each in an order of its own, a tenth of the rows in memory, all on disk",
                    students,
                    stagger,
                    tenthMib,
                    diskMib,
                    figures,
                    one,
                    start));
        }
        Directories.delete(scratch); // kept, with the logs in it, where a round fails
        json.report(new Result(students, one.positionsServed(), rounds));
        return 0;
    }

    private static Round round(
            String name,
            int students,
            int stagger,
            long mib,
            long diskMib,
            ServerFigures figures,
            ServerFigures one,
            long start) {
        double overOne = (double) figures.positionsScored() / one.positionsScored();
        System.err.printf(
                "%s: %d students, %,d positions scored, %,d served, %.3f times those of one%n",
                name, students, figures.positionsScored(), figures.positionsServed(), overOne);
        return new Round(
                name,
                students,
                stagger,
                mib,
                diskMib,
                figures.positionsScored(),
                figures.positionsServed(),
                overOne,
                figures.hits(),
                figures.coalesced(),
                figures.misses(),
                (System.nanoTime() - start) / 1e9);
    }
}
