package dev.lyne.load.bench;

import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * What serving costs over the forward alone: student processes that verify and decode distinct sequences from a cold cache,
 * over the same batches run again in the server's own process, with the same threads, while the students idle. Rounds of the
 * two are interleaved, and each served round stands between two rounds of the forward, so that a machine whose speed drifts
 * drifts out of the ratio; the ratio is the median over the served rounds.
 */
public final class ServeBenchmark {
    private static final int WARM_UP_ROUNDS = 3;

    /**
     * Medians over the rounds.
     *
     * @param servedOverForward positions a second served to the students, over those of the bare forward and selection
     * @param batchesPerRound batches that the server made of a round's sequences
     */
    public record Result(
            double servedOverForward,
            double servedPositionsPerSecond,
            double forwardPositionsPerSecond,
            int students,
            int k,
            int tokens,
            int rounds,
            long positionsPerRound,
            int batchesPerRound,
            String device,
            int threads) {}

    private final int students;
    private final int k;
    private final int tokens;
    private final int sequencesPerStudent;
    private final int rounds;
    private final Consumer<String> progress;

    public ServeBenchmark(
            int students, int k, int tokens, int sequencesPerStudent, int rounds, Consumer<String> progress) {
        this.students = students;
        this.k = k;
        this.tokens = tokens;
        this.sequencesPerStudent = sequencesPerStudent;
        this.rounds = rounds;
        this.progress = progress;
    }

    /**
     * Runs it, and closes the teacher.
     *
     * @param starter starts the student processes
     */
    public Result run(Teacher teacher, BenchStudent.Starter starter) throws IOException, InterruptedException {
        var recording = new RecordingTeacher(teacher);
        try (var server = TeacherServer.start(
                List.of(recording),
                TeacherServerOptions.builder().memoryCacheBytes(0).build())) {
            List<BenchStudent> processes = starter.start(server.port());
            try {
                return measure(recording, processes);
            } finally {
                processes.forEach(BenchStudent::close);
            }
        }
    }

    private Result measure(RecordingTeacher teacher, List<BenchStudent> processes) throws IOException {
        double before = warmUp(teacher, processes);
        double[] servedRate = new double[rounds];
        double[] forwardRate = new double[rounds];
        List<Integer> batches = new ArrayList<>();
        long positions = 0;
        for (int round = 0; round < rounds; round++) {
            teacher.forget();
            long start = System.nanoTime();
            positions = served(processes, WARM_UP_ROUNDS + round);
            servedRate[round] = positions * 1e9 / (System.nanoTime() - start);
            double after = forwardRate(teacher, positions);
            forwardRate[round] = (before + after) / 2;
            before = after;
            batches.add(teacher.forget());
            progress.accept(String.format(
                    "round %d of %d: served %.0f positions/s, bare forward around it %.0f, ratio %.3f",
                    round + 1, rounds, servedRate[round], forwardRate[round], servedRate[round] / forwardRate[round]));
        }
        var fingerprint = teacher.description().fingerprint();
        return new Result(
                Rounds.medianRatio(servedRate, forwardRate),
                Rounds.median(servedRate),
                Rounds.median(forwardRate),
                students,
                k,
                tokens,
                rounds,
                positions,
                batches.get(batches.size() - 1),
                fingerprint.device(),
                fingerprint.threads());
    }

    /** Lets the compilers of all processes settle; tells the rate of the bare forward. */
    private double warmUp(RecordingTeacher teacher, List<BenchStudent> processes) throws IOException {
        long positions = 0;
        for (int round = 0; round < WARM_UP_ROUNDS; round++) {
            teacher.forget();
            positions = served(processes, round);
        }
        return forwardRate(teacher, positions);
    }

    /** Positions a second of the batches that were served last, run again. */
    private static double forwardRate(RecordingTeacher teacher, long positions) {
        long start = System.nanoTime();
        long replayed = teacher.replay();
        double rate = replayed * 1e9 / (System.nanoTime() - start);
        if (replayed != positions) {
            throw new IllegalStateException(
                    "the forward scored " + replayed + " positions (expected: the " + positions + " that were served)");
        }
        return rate;
    }

    private long served(List<BenchStudent> processes, int round) throws IOException {
        return BenchStudent.run(processes, BenchStudent.order(round, sequencesPerStudent, tokens, k));
    }
}
