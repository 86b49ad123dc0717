package dev.lyne.load.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Students that take distinct sequences from a cold cache, over the same batches run again in the server's own process, with
 * the same threads, while the students idle. Rounds of the two are interleaved, and each served round stands between two
 * rounds of the forward, so that a machine whose speed drifts drifts out of the ratio.
 */
final class ColdRounds {
    private static final int WARM_UP_ROUNDS = 6;

    /** Pairs of rounds of the forward, in the batches that were served and in full ones. */
    private static final int PAIRS = 3;

    /**
     * Figures round by round.
     *
     * @param fullRate positions a second of the forward in full batches, pair by pair
     * @param cutRate those of the batches that were served
     */
    record Figures(
            double[] servedRate,
            double[] forwardRate,
            double[] fullRate,
            double[] cutRate,
            long positionsPerRound,
            int batchesPerRound) {}

    private final RecordingTeacher teacher;
    private final List<BenchStudent> students;
    private final Order.Workload workload;
    private final int maxTokens;
    private final Consumer<String> progress;

    /**
     * Rounds against a server of that teacher.
     *
     * @param workload what a student takes in a round, whatever its round number
     * @param maxTokens tokens of a full batch
     */
    ColdRounds(
            RecordingTeacher teacher,
            List<BenchStudent> students,
            Order.Workload workload,
            int maxTokens,
            Consumer<String> progress) {
        this.teacher = teacher;
        this.students = students;
        this.workload = workload;
        this.maxTokens = maxTokens;
        this.progress = progress;
    }

    Figures run(int rounds) throws IOException {
        double before = warmUp();
        double[] servedRate = new double[rounds];
        double[] forwardRate = new double[rounds];
        List<Integer> batches = new ArrayList<>();
        long positions = 0;
        for (int round = 0; round < rounds; round++) {
            teacher.forget();
            long start = System.nanoTime();
            positions = served(WARM_UP_ROUNDS + round);
            servedRate[round] = positions * 1e9 / (System.nanoTime() - start);
            double after = forwardRate(positions);
            forwardRate[round] = (before + after) / 2;
            before = after;
            batches.add(teacher.batches());
            progress.accept(String.format(
                    "round %d of %d: served %.0f positions/s, bare forward around it %.0f, ratio %.3f",
                    round + 1, rounds, servedRate[round], forwardRate[round], servedRate[round] / forwardRate[round]));
        }
        double[] fullRate = new double[PAIRS];
        double[] cutRate = new double[PAIRS];
        for (int pair = 0; pair < PAIRS; pair++) {
            fullRate[pair] = rate(positions, () -> teacher.replayFull(maxTokens));
            cutRate[pair] = forwardRate(positions);
        }
        return new Figures(servedRate, forwardRate, fullRate, cutRate, positions, batches.get(batches.size() - 1));
    }

    /** Lets the compilers of all processes settle; gives the rate of the bare forward. */
    private double warmUp() throws IOException {
        long positions = 0;
        for (int round = 0; round < WARM_UP_ROUNDS; round++) {
            teacher.forget();
            positions = served(round);
        }
        return forwardRate(positions);
    }

    private long served(int round) throws IOException {
        return BenchStudent.run(
                students,
                new Order.TakeRows(new Order.Workload(
                        workload.round() + 1 + round,
                        workload.count(),
                        workload.tokens(),
                        workload.k(),
                        workload.precision(),
                        1)));
    }

    /** Positions a second of the batches that were served last, run again. */
    private double forwardRate(long positions) {
        return rate(positions, teacher::replay);
    }

    private static double rate(long positions, LongSupplier replay) {
        long start = System.nanoTime();
        long replayed = replay.getAsLong();
        double rate = replayed * 1e9 / (System.nanoTime() - start);
        if (replayed != positions) {
            throw new IllegalStateException(
                    "the forward scored " + replayed + " positions (expected: the " + positions + " that were served)");
        }
        return rate;
    }
}
