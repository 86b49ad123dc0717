package dev.lyne.load.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.lyne.teacher.model.LocalModel;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/**
 * Benchmark of what the load generator reaches, in processes against a server in this one: of a synthetic teacher's
 * configured rate, of the hits of the memory tier that students which only count reach, and of a bare gRPC stream of
 * messages as large.
 */
public final class LoadBenchmark {
    private static final int VOCABULARY = 32_768;

    /**
     * Medians over the rounds.
     *
     * @param messageBytes mean bytes of a block
     */
    public record Result(
            @JsonUnwrapped Ratios ratios,
            @JsonUnwrapped ProcessorTimes processor,
            @JsonUnwrapped Rates rates,
            int messageBytes,
            @JsonUnwrapped BenchSetUp load) {}

    /**
     * Ratios that the load generator reaches.
     *
     * @param achievedOverConfigured tokens a second that the load saw answered, over those that the teacher was configured to
     * @param loadOverHits bytes a second of the load on a hot cache, over those of the students that {@code bench serve} measures hits with
     * @param loadOverBareStream bytes a second of the load on a bare stream that answers requests, over those of students that read as
     *     large messages of a bare stream and ask for nothing
     */
    public record Ratios(double achievedOverConfigured, double loadOverHits, double loadOverBareStream) {}

    /**
     * Processor time of the processes that load, or that only read.
     *
     * @param loadOnBareCpuSecondsPerGigabyte processor time of the load's processes, and so on
     */
    public record ProcessorTimes(
            double loadOnBareCpuSecondsPerGigabyte,
            double bareCpuSecondsPerGigabyte,
            double loadOnHitsCpuSecondsPerGigabyte,
            double hitCpuSecondsPerGigabyte) {}

    /** Rates that the ratios are made of. */
    public record Rates(
            double configuredTokensPerSecond,
            double achievedTokensPerSecond,
            double loadOnHitsBytesPerSecond,
            double hitBytesPerSecond,
            double loadOnBareBytesPerSecond,
            double bareBytesPerSecond) {}

    private final int students;
    private final BenchRows rows;
    private final int rounds;
    private final long roundMillis;
    private final double tokensPerSecond;
    private final Consumer<String> progress;

    /**
     * @param roundMillis length of a round
     * @param tokensPerSecond the synthetic teacher's rate
     */
    public LoadBenchmark(
            int students,
            BenchRows rows,
            int rounds,
            long roundMillis,
            double tokensPerSecond,
            Consumer<String> progress) {
        this.students = students;
        this.rows = rows;
        this.rounds = rounds;
        this.roundMillis = roundMillis;
        this.tokensPerSecond = tokensPerSecond;
        this.progress = progress;
    }

    /**
     * Runs it.
     *
     * @param starter starts the student processes
     */
    public Result run(BenchStudent.Starter starter) throws IOException, InterruptedException {
        double[] achieved = new double[rounds];
        try (var server = server(tokensPerSecond)) {
            List<BenchStudent> processes = starter.start(server.port());
            try {
                BenchStudent.run(processes, fresh(0));
                for (int round = 0; round < rounds; round++) {
                    achieved[round] = BenchStudent.run(processes, fresh(round + 1));
                    progress.accept(String.format(
                            "round %d of %d: %.0f of %.0f tokens/s, ratio %.3f",
                            round + 1, rounds, achieved[round], tokensPerSecond, achieved[round] / tokensPerSecond));
                }
            } finally {
                processes.forEach(BenchStudent::close);
            }
        }
        try (var server = server(0)) {
            List<BenchStudent> processes = starter.start(server.port());
            try {
                return result(
                        Rounds.median(achieved),
                        new LoadRounds(processes, rows.workload(1), roundMillis, progress)
                                .run(rounds, new ServerGauges(server.registry())));
            } finally {
                processes.forEach(BenchStudent::close);
            }
        }
    }

    private TeacherServer server(double rate) throws IOException, InterruptedException {
        LocalModel teacher = new SyntheticTeacher(
                "synthetic", new SyntheticSettings(VOCABULARY, Math.max(2, rows.tokens()), rate, 0, 1), false);
        return TeacherServer.start(
                List.of(teacher), TeacherServerOptions.builder().build());
    }

    private Order fresh(int round) {
        return new Order.Load(rows.workload(1_000 + round), 0, false, roundMillis);
    }

    private Result result(double achieved, LoadRounds.Figures figures) {
        return new Result(
                new Ratios(
                        achieved / tokensPerSecond,
                        Rounds.medianRatio(
                                figures.loadOnHits().bytesPerSecond(),
                                figures.hits().bytesPerSecond()),
                        Rounds.medianRatio(
                                figures.loadOnBare().bytesPerSecond(),
                                figures.bare().bytesPerSecond())),
                new ProcessorTimes(
                        Rounds.median(figures.loadOnBare().cpuSecondsPerGigabyte()),
                        Rounds.median(figures.bare().cpuSecondsPerGigabyte()),
                        Rounds.median(figures.loadOnHits().cpuSecondsPerGigabyte()),
                        Rounds.median(figures.hits().cpuSecondsPerGigabyte())),
                new Rates(
                        tokensPerSecond,
                        achieved,
                        Rounds.median(figures.loadOnHits().bytesPerSecond()),
                        Rounds.median(figures.hits().bytesPerSecond()),
                        Rounds.median(figures.loadOnBare().bytesPerSecond()),
                        Rounds.median(figures.bare().bytesPerSecond())),
                figures.messageBytes(),
                BenchSetUp.of(students, rows, rounds));
    }
}
