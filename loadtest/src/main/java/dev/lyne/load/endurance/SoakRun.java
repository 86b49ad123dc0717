package dev.lyne.load.endurance;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TeacherClient;
import dev.lyne.load.audit.RowAudit;
import dev.lyne.load.process.ProcessFigures;
import dev.lyne.load.process.ServerProcess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A server in a process of its own under mixed load for long: whether its resident memory grows, and whether threads, descriptors,
 * streams or tensors outside the heap are left over. The first sixth of the time, five minutes at most, is for caches to fill and code to
 * be compiled; then load stops once, so that what is held afterwards has something to be compared with.
 */
public final class SoakRun {
    static final long HEAP_MIB = 512;

    private static final double MOST_GROWTH = 0.03;
    private static final double MOST_SETTLING_MINUTES = 5;
    private static final long MILLIS_BETWEEN_SAMPLES = 1_000;
    private static final int SAMPLES_A_LINE = 10;

    /** Threads and descriptors that may come without being a leak: pools fill up, and a kept-alive connection of a scrape may stand. */
    private static final int MOST_MORE = 4;

    private final double minutes;
    private final Path scratch;
    private final Consumer<String> progress;

    /**
     * Findings of a run.
     *
     * @param residentMibAfterSettling mean over the stretch after the first part
     * @param residentMibAtTheEnd mean over a last stretch as long
     * @param before what the server held after the first part, when nobody asked
     * @param after the same at the end
     * @param done what the clients did, times each
     */
    public record Result(
            double minutes,
            double settlingMinutes,
            double residentMibAfterSettling,
            double residentMibAtTheEnd,
            double residentGrowth,
            HeldResources before,
            HeldResources after,
            Map<String, Long> done,
            long rowsCompared,
            long wrongRows,
            List<String> shortfalls) {
        /** Whether all is as it must be. */
        public boolean holds() {
            return shortfalls.isEmpty();
        }
    }

    /** @param minutes of load in all */
    public SoakRun(double minutes, Path scratch, Consumer<String> progress) {
        this.minutes = minutes;
        this.scratch = scratch;
        this.progress = progress;
    }

    /** Runs it. */
    public Result run() throws Exception {
        double settling = Math.min(MOST_SETTLING_MINUTES, minutes / 6);
        double rest = minutes - settling;
        try (ServerProcess server = ServerProcess.startTouched(
                scratch.resolve("server.log"),
                "demo",
                HEAP_MIB,
                List.of("--threads", "1", "--deterministic", "--cache-mib", "32"))) {
            ServerProcess.Ready ready = server.awaitReady();
            Map<String, Long> done = new TreeMap<>();
            Part settled = load(server, ready, settling, "settling", done);
            progress.accept("load stops once, to count what is held");
            HeldResources before = HeldResources.ofIdle(server, ready);
            Part rested = load(server, ready, rest, "under load", done);
            HeldResources after = HeldResources.ofIdle(server, ready);
            double first = rested.meanMib(0, rest / 10);
            double last = rested.meanMib(rest * 9 / 10, Double.MAX_VALUE);
            return judged(new Result(
                    minutes,
                    settling,
                    first,
                    last,
                    last / first - 1,
                    before,
                    after,
                    done,
                    settled.audited.rows() + rested.audited.rows(),
                    settled.audited.wrongRows() + rested.audited.wrongRows(),
                    List.of()));
        }
    }

    /** Resident memory at a moment of a stretch. */
    private record Sample(double minute, double mib) {}

    /** A stretch under load: memory as it went, and what the audit found. */
    private record Part(List<Sample> resident, RowAudit.Counts audited) {
        double meanMib(double fromMinute, double toMinute) {
            return resident.stream()
                    .filter(sample -> sample.minute >= fromMinute && sample.minute <= toMinute)
                    .mapToDouble(Sample::mib)
                    .average()
                    .orElseThrow(() -> new IllegalStateException(
                            "no sample from minute " + fromMinute + " to " + toMinute + " (expected: one a second)"));
        }
    }

    private Part load(
            ServerProcess server, ServerProcess.Ready ready, double length, String name, Map<String, Long> done)
            throws Exception {
        List<Sample> resident = new ArrayList<>();
        String address = ready.listening();
        try (RowAudit audit = RowAudit.begin(List.of(address), List.of(address));
                MixedLoad load = new MixedLoad(address, vocabulary(address), Double.hashCode(length))) {
            long start = System.nanoTime();
            double minute;
            do {
                TimeUnit.MILLISECONDS.sleep(MILLIS_BETWEEN_SAMPLES);
                load.requireGoingOn();
                minute = (System.nanoTime() - start) / 60e9;
                resident.add(new Sample(minute, ProcessFigures.of(server.pid()).residentBytes() / 1048576.0));
                if (resident.size() % SAMPLES_A_LINE == 0) {
                    progress.accept(String.format(
                            "%s, %d s: resident %.0f MiB, %s, %,d rows compared",
                            name,
                            Math.round(60 * minute),
                            resident.get(resident.size() - 1).mib(),
                            load.done(),
                            audit.counts().rows()));
                }
            } while (minute < length);
            load.done().forEach((client, times) -> done.merge(client, times, Long::sum));
            return new Part(resident, audit.total());
        }
    }

    private static int vocabulary(String address) {
        try (var client = TeacherClient.connect(address, ClientOptions.defaults())) {
            return client.describe().vocabularySize();
        }
    }

    /** Returns the result with what falls short. */
    static Result judged(Result found) {
        List<String> shortfalls = new ArrayList<>();
        require(
                found.residentGrowth < MOST_GROWTH,
                String.format(
                        "resident memory grew by %.1f %% (expected: below %.0f)",
                        100 * found.residentGrowth, 100 * MOST_GROWTH),
                shortfalls);
        atMost("threads", found.before.threads(), found.after.threads(), MOST_MORE, shortfalls);
        atMost("descriptors", found.before.descriptors(), found.after.descriptors(), MOST_MORE, shortfalls);
        atMost("native arrays", found.before.nativeArrays(), found.after.nativeArrays(), 0, shortfalls);
        require(
                found.before.nativeArrays() > 0,
                "native arrays: none found (expected: at least the model's weights)",
                shortfalls);
        for (HeldResources idle : List.of(found.before, found.after)) {
            require(
                    idle.streams() == 0 && idle.sequences() == 0 && idle.unsentBytes() == 0,
                    "held with nobody asking: " + idle + " (expected: no streams, sequences or unsent bytes)",
                    shortfalls);
        }
        found.done.forEach(
                (client, times) -> require(times > 0, client + ": none (expected: at least one)", shortfalls));
        require(
                found.rowsCompared > 0 && found.wrongRows == 0,
                found.wrongRows + " wrong rows of " + found.rowsCompared + " (expected: 0 of at least 1)",
                shortfalls);
        return new Result(
                found.minutes,
                found.settlingMinutes,
                found.residentMibAfterSettling,
                found.residentMibAtTheEnd,
                found.residentGrowth,
                found.before,
                found.after,
                found.done,
                found.rowsCompared,
                found.wrongRows,
                shortfalls);
    }

    private static void atMost(String what, long before, long after, int more, List<String> shortfalls) {
        require(
                after <= before + more,
                what + ": " + after + ", " + before + " before (expected: at most " + more + " more)",
                shortfalls);
    }

    private static void require(boolean holds, String otherwise, List<String> shortfalls) {
        if (!holds) {
            shortfalls.add(otherwise);
        }
    }
}
