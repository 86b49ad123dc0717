package dev.lyne.load.bench;

import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.wire.RowFormat;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Benchmark of what a student that stops reading costs the others and the server. Rounds of pairs: students take
 * distinct sequences while the last of them idles, and again while that one has been stopped (SIGSTOP) in the middle of
 * its rows, with its credit used up, and the server has computed all that it accepted of it. A round in which the
 * server holds far less fails: then the student was stopped before it had asked, or the server had not computed.
 * Afterwards the stopped student goes on and must get every row.
 */
public final class StallBenchmark {
    private static final Duration FIRST_ROWS = Duration.ofMinutes(2);
    private static final Duration ALL_COMPUTED = Duration.ofMinutes(10);
    private static final double LEAST_HELD = 0.8;
    private static final long POLL_MILLIS = 10;
    private static final int STALLED_OVER_OTHERS = 8;

    /**
     * Figures that were measured.
     *
     * @param stalledOverFree positions a second of the other students beside the stalled one, over those without it: median
     *     of the pairs
     * @param heldBytes most bytes of encoded rows that waited in the server for the stalled student
     * @param heapGrowthBytes the server's live heap after a collection beside the stalled student, less that without it: the
     *     most of all rounds
     * @param owedBytes bytes of rows that the stalled student had asked for in a round
     */
    public record Result(
            double stalledOverFree,
            double freePositionsPerSecond,
            double stalledPositionsPerSecond,
            long heldBytes,
            long heapGrowthBytes,
            long owedBytes,
            int readers,
            int k,
            int tokens,
            int rounds) {}

    private final int k;
    private final int tokens;
    private final int sequencesPerReader;
    private final int rounds;
    private final Consumer<String> progress;

    public StallBenchmark(int k, int tokens, int sequencesPerReader, int rounds, Consumer<String> progress) {
        this.k = k;
        this.tokens = tokens;
        this.sequencesPerReader = sequencesPerReader;
        this.rounds = rounds;
        this.progress = progress;
    }

    /**
     * Runs it, and closes the teacher.
     *
     * @param starter starts the student processes; the last one is to stall
     */
    public Result run(LocalModel teacher, BenchStudent.Starter starter) throws IOException, InterruptedException {
        try (var server = TeacherServer.start(
                List.of(teacher),
                TeacherServerOptions.builder().memoryCacheBytes(0).build())) {
            List<BenchStudent> students = starter.start(server.port());
            try {
                return measure(
                        new ServerGauges(server.registry()),
                        fullSequences(teacher.description()),
                        students.subList(0, students.size() - 1),
                        students.get(students.size() - 1));
            } finally {
                students.forEach(BenchStudent::close);
            }
        }
    }

    /** Sequences that the stalled student has in flight once its credit is used up; where it asks for fewer, most of those. */
    private int fullSequences(TeacherDescription teacher) {
        ServerLimits limits = ServerLimits.DEFAULT;
        long credit = Math.min(limits.maxInFlightTokens(), limits.maxUnsentBytes() / rowBytes(teacher)) / tokens;
        int asked = sequencesPerReader * STALLED_OVER_OTHERS;
        return (int) Math.max(1, Math.min(Math.min(limits.maxInFlightSequences(), credit), asked * 3L / 4));
    }

    private int rowBytes(TeacherDescription teacher) {
        var format = new RowFormat(new Selection.TopK(k, List.of()), Precision.EXACT, false);
        return format.creditRowBytes(teacher.vocabularySize());
    }

    private Result measure(ServerGauges server, int full, List<BenchStudent> readers, BenchStudent stalling)
            throws IOException, InterruptedException {
        int stalledSequences = sequencesPerReader * STALLED_OVER_OTHERS;
        BenchStudent.run(readers, order(0, sequencesPerReader));
        BenchStudent.run(List.of(stalling), order(0, 1));
        double[] free = new double[rounds];
        double[] beside = new double[rounds];
        long held = 0;
        long heapGrowth = 0;
        long owed = 0;
        for (int round = 1; round <= rounds; round++) {
            free[round - 1] = timed(readers, 2 * round);
            long heapBefore = server.liveHeapBytes();
            double served = server.bytesServed();
            stalling.tell(order(round, stalledSequences).line());
            await(FIRST_ROWS, "rows sent to the student that is to stall", () -> server.bytesServed() > served);
            await(FIRST_ROWS, full + " sequences in flight", () -> server.sequencesInFlight() >= full);
            stalling.pause();
            await(ALL_COMPUTED, "everything accepted computed", () -> server.tokensToCompute() == 0);
            heapGrowth = Math.max(heapGrowth, server.liveHeapBytes() - heapBefore);
            held = Math.max(held, requireHeld(server.unsentBytes(), full));
            beside[round - 1] = timed(readers, 2 * round + 1);
            double whileStalled = server.bytesServed();
            stalling.resume();
            stalling.hear();
            owed = (long) (server.bytesServed() - served);
            progress.accept(String.format(
                    "round %d of %d: %.0f positions/s without, %.0f beside a stalled student that the server holds %.1f MiB"
                            + " for; then it took the other %.1f MiB that it was owed",
                    round,
                    rounds,
                    free[round - 1],
                    beside[round - 1],
                    ServerGauges.mebibytes(held),
                    ServerGauges.mebibytes(server.bytesServed() - whileStalled)));
        }
        return new Result(
                Rounds.medianRatio(beside, free),
                Rounds.median(free),
                Rounds.median(beside),
                held,
                heapGrowth,
                owed,
                readers.size(),
                k,
                tokens,
                rounds);
    }

    private Order order(int round, int sequences) {
        return new Order.TakeRows(new Order.Workload(round, sequences, tokens, k, Precision.EXACT, 1));
    }

    private double timed(List<BenchStudent> readers, int round) throws IOException {
        long start = System.nanoTime();
        long positions = BenchStudent.run(readers, order(round, sequencesPerReader));
        return positions * 1e9 / (System.nanoTime() - start);
    }

    /** A stalled student that the server holds little for measures nothing. */
    private long requireHeld(long bytes, int full) {
        double least = LEAST_HELD * full * (tokens - 1) * 8 * k;
        if (bytes < least) {
            throw new IllegalStateException(String.format(
                    "%.1f MiB held for the stalled student (expected: at least %.1f, %.0f %% of what %d sequences have)",
                    ServerGauges.mebibytes(bytes), ServerGauges.mebibytes(least), 100 * LEAST_HELD, full));
        }
        return bytes;
    }

    /** Waits for what must come; a student that ended instead would be waited for in vain. */
    private static void await(Duration most, String what, BooleanSupplier reached) throws InterruptedException {
        long start = System.nanoTime();
        while (!reached.getAsBoolean()) {
            if (System.nanoTime() - start > most.toNanos()) {
                throw new IllegalStateException("no " + what + " (expected: within " + most + ")");
            }
            TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
        }
    }
}
