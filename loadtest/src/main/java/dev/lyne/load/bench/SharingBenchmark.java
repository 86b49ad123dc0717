package dev.lyne.load.bench;

import dev.lyne.load.process.Directories;
import dev.lyne.load.process.ServerFigures;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Benchmark of what several students of one corpus cost the teacher, against one of them. */
public final class SharingBenchmark {
    /** Rounds that there are, after that of one student. */
    public static final Set<String> ROUNDS = Set.of("at_once", "staggered", "disk");

    private static final long AMPLE_MIB = 2_048;

    private final int students;
    private final int stagger;
    private final long diskMib;
    private final PrintStream text;

    /**
     * @param stagger seconds between the starts of staggered students
     * @param diskMib disk cache of the last round, MiB
     */
    public SharingBenchmark(int students, int stagger, long diskMib, PrintStream text) {
        this.students = students;
        this.stagger = stagger;
        this.diskMib = diskMib;
        this.text = text;
    }

    /**
     * The figures.
     *
     * @param corpusPositions positions that one student needs
     * @param rounds one round a way to start and cache
     */
    public record Result(int students, long corpusPositions, List<Round> rounds) {}

    /**
     * One round.
     *
     * @param positionsOverOne positions scored, over those scored for one student alone
     * @param hits sequences found in the cache; {@code coalesced} joined a computation, {@code misses} began one
     */
    public record Round(
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

    /**
     * Measures one student, and then the named rounds.
     *
     * @param named some of {@link #ROUNDS}
     */
    public Result run(Path corpus, Set<String> named) throws IOException, InterruptedException {
        Path scratch = Files.createTempDirectory("lyne-bench");
        SharingRun run = new SharingRun(corpus, scratch, text);
        SharingRun.Setting alone = new SharingRun.Setting(1, 0, AMPLE_MIB, 0);
        long start = System.nanoTime();
        ServerFigures one = run.round(alone, number -> 1);
        List<Round> rounds = new ArrayList<>();
        rounds.add(round("one student", alone, one, one, start));
        if (named.contains("at_once")) {
            start = System.nanoTime();
            SharingRun.Setting setting = new SharingRun.Setting(students, 0, AMPLE_MIB, 0);
            ServerFigures figures = run.round(setting, number -> 1 + number);
            rounds.add(round("at once, each in an order of its own", setting, figures, one, start));
        }
        long tenthMib = Math.max(1, (one.bytesServed() / 10) >> 20);
        if (named.contains("staggered")) {
            start = System.nanoTime();
            SharingRun.Setting setting = new SharingRun.Setting(students, stagger, tenthMib, 0);
            ServerFigures figures = run.round(setting, number -> 1);
            rounds.add(round("staggered, in one order, a tenth of the rows in memory", setting, figures, one, start));
        }
        if (named.contains("disk")) {
            start = System.nanoTime();
            SharingRun.Setting setting = new SharingRun.Setting(students, stagger, tenthMib, diskMib);
            ServerFigures figures = run.round(setting, number -> 1 + number);
            rounds.add(round(
                    "staggered, each in an order of its own, a tenth of the rows in memory, all on disk",
                    setting,
                    figures,
                    one,
                    start));
        }
        Directories.delete(scratch); // kept, with the logs in it, where a round fails
        return new Result(students, one.positionsServed(), rounds);
    }

    private Round round(String name, SharingRun.Setting setting, ServerFigures figures, ServerFigures one, long start) {
        double overOne = (double) figures.positionsScored() / one.positionsScored();
        text.printf(
                "%s: %d students, %,d positions scored, %,d served, %.3f times those of one%n",
                name, setting.students(), figures.positionsScored(), figures.positionsServed(), overOne);
        return new Round(
                name,
                setting.students(),
                setting.staggerSeconds(),
                setting.memoryCacheMib(),
                setting.diskCacheMib(),
                figures.positionsScored(),
                figures.positionsServed(),
                overOne,
                figures.hits(),
                figures.coalesced(),
                figures.misses(),
                (System.nanoTime() - start) / 1e9);
    }
}
