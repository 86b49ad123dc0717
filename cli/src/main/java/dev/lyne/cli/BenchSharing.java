package dev.lyne.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What several students of one corpus cost the teacher, against one of them. */
@Command(
        name = "sharing",
        description = "Positions that a teacher server scores for several student processes on one corpus, against one"
                + " student: at once, and staggered with a memory cache of a tenth of the corpus's rows.",
        mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // picocli sets the options
final class BenchSharing implements Callable<Integer> {
    private static final long AMPLE_MIB = 2_048;

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
            long positionsScored,
            long positionsServed,
            double positionsOverOne,
            long hits,
            long coalesced,
            long misses,
            double seconds) {}

    @Override
    public Integer call() throws Exception {
        Path scratch = Files.createTempDirectory("lyne-bench");
        SharingRun run = new SharingRun(corpus, scratch, System.err);
        List<Round> rounds = new ArrayList<>();
        long start = System.nanoTime();
        ServerFigures one = run.round(1, 0, AMPLE_MIB, number -> 1);
        rounds.add(round("one student", 1, 0, AMPLE_MIB, one, one, start));
        start = System.nanoTime();
        rounds.add(round(
                "at once, each in an order of its own",
                students,
                0,
                AMPLE_MIB,
                run.round(students, 0, AMPLE_MIB, number -> 1 + number),
                one,
                start));
        long tenthMib = Math.max(1, (one.bytesServed() / 10) >> 20);
        start = System.nanoTime();
        rounds.add(round(
                "staggered, in one order, a tenth of the rows in memory",
                students,
                stagger,
                tenthMib,
                run.round(students, stagger, tenthMib, number -> 1),
                one,
                start));
        Directories.delete(scratch); // kept, with the logs in it, where a round fails
        json.report(new Result(students, one.positionsServed(), rounds));
        return 0;
    }

    private static Round round(
            String name, int students, int stagger, long mib, ServerFigures figures, ServerFigures one, long start) {
        double overOne = (double) figures.positionsScored() / one.positionsScored();
        System.err.printf(
                "%s: %d students, %,d positions scored, %,d served, %.3f times those of one%n",
                name, students, figures.positionsScored(), figures.positionsServed(), overOne);
        return new Round(
                name,
                students,
                stagger,
                mib,
                figures.positionsScored(),
                figures.positionsServed(),
                overOne,
                figures.hits(),
                figures.coalesced(),
                figures.misses(),
                (System.nanoTime() - start) / 1e9);
    }
}
