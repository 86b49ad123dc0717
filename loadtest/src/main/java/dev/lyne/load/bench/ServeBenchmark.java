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
 * two are interleaved; the ratio is the median over pairs of rounds.
 */
public final class ServeBenchmark {
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
        served(processes, 0);
        teacher.replay();
        double[] servedRate = new double[rounds];
        double[] forwardRate = new double[rounds];
        List<Integer> batches = new ArrayList<>();
        long positions = 0;
        for (int round = 0; round < rounds; round++) {
            teacher.forget();
            long start = System.nanoTime();
            positions = served(processes, round + 1);
            servedRate[round] = positions * 1e9 / (System.nanoTime() - start);
            start = System.nanoTime();
            long replayed = teacher.replay();
            forwardRate[round] = replayed * 1e9 / (System.nanoTime() - start);
            if (replayed != positions) {
                throw new IllegalStateException("the forward scored " + replayed + " positions (expected: the "
                        + positions + " that were served)");
            }
            batches.add(teacher.forget());
            progress.accept(String.format(
                    "round %d of %d: served %.0f positions/s, bare forward %.0f, ratio %.3f",
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

    private long served(List<BenchStudent> processes, int round) throws IOException {
        return BenchStudent.run(processes, BenchStudent.order(round, sequencesPerStudent, tokens, k));
    }
}
