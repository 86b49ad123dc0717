package dev.lyne.load.bench;

import dev.lyne.teacher.model.Teacher;
import dev.lyne.teacher.server.TeacherServer;
import dev.lyne.teacher.server.TeacherServerOptions;
import dev.lyne.teacher.synthetic.SyntheticSettings;
import dev.lyne.teacher.synthetic.SyntheticTeacher;
import dev.lyne.wire.Precision;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * What the load generator reaches, in processes against a server in this one: of a synthetic teacher's configured rate, of the hits of
 * the memory tier that students which only count reach, and of a bare gRPC stream of messages as large.
 */
public final class LoadBenchmark {
    private static final int VOCABULARY = 32_768;
    private static final int WARM_UP_ROUNDS = 2;

    /**
     * Medians over the rounds.
     *
     * @param achievedOverConfigured tokens a second that the load saw answered, over those that the teacher was configured to
     * @param loadOverHits bytes a second of the load on a hot cache, over those of the students that {@code bench serve} measures hits with
     * @param loadOverBareStream the same over a bare stream's
     */
    public record Result(
            double achievedOverConfigured,
            double loadOverHits,
            double loadOverBareStream,
            double configuredTokensPerSecond,
            double achievedTokensPerSecond,
            double loadBytesPerSecond,
            double hitBytesPerSecond,
            double bareBytesPerSecond,
            int messageBytes,
            int students,
            int k,
            String precision,
            int tokens,
            int rounds) {}

    private final int students;
    private final Order.Ask ask;
    private final int rounds;
    private final long roundMillis;
    private final double tokensPerSecond;
    private final Consumer<String> progress;

    /**
     * @param sequences of the pool that hits are asked from
     * @param roundMillis length of a round
     * @param tokensPerSecond the synthetic teacher's rate
     */
    public LoadBenchmark(
            int students,
            int k,
            Precision precision,
            int tokens,
            int sequences,
            int rounds,
            long roundMillis,
            double tokensPerSecond,
            Consumer<String> progress) {
        this.students = students;
        this.ask = new Order.Ask(1, sequences, tokens, k, precision, 1);
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
                return hits(processes, new ServerGauges(server.registry()), Rounds.median(achieved));
            } finally {
                processes.forEach(BenchStudent::close);
            }
        }
    }

    private TeacherServer server(double rate) throws IOException, InterruptedException {
        Teacher teacher = new SyntheticTeacher(
                "synthetic", new SyntheticSettings(VOCABULARY, Math.max(2, ask.tokens()), rate, 0, 1), false);
        return TeacherServer.start(
                List.of(teacher), TeacherServerOptions.builder().build());
    }

    private Order fresh(int round) {
        return new Order.Load(
                new Order.Ask(1_000 + round, ask.count(), ask.tokens(), ask.k(), ask.precision(), 1),
                false,
                roundMillis);
    }

    private Result hits(List<BenchStudent> processes, ServerGauges server, double achieved) throws IOException {
        long messages = server.blocksServed();
        long bytes = BenchStudent.run(processes, new Order.CountRows(ask));
        messages = server.blocksServed() - messages;
        int messageBytes = (int) (bytes / messages);
        double[] bare = new double[rounds];
        double[] hits = new double[rounds];
        double[] load = new double[rounds];
        try (var stream = new BareStream(messageBytes)) {
            Order loadOrder = new Order.Load(ask, true, roundMillis);
            double rate = 0;
            for (int round = 0; round < WARM_UP_ROUNDS; round++) {
                rate = BenchStudent.run(processes, loadOrder);
            }
            int times = (int) Math.max(1, rate * roundMillis / 1e3 / bytes);
            Order hitOrder = new Order.CountRows(
                    new Order.Ask(ask.round(), ask.count(), ask.tokens(), ask.k(), ask.precision(), times));
            Order bareOrder = new Order.CountMessages(stream.port(), messages * times / processes.size());
            for (int round = 0; round < WARM_UP_ROUNDS; round++) {
                BenchStudent.run(processes, hitOrder);
                BenchStudent.run(processes, bareOrder);
            }
            for (int round = 0; round < rounds; round++) {
                bare[round] = rate(processes, bareOrder);
                hits[round] = rate(processes, hitOrder);
                load[round] = BenchStudent.run(processes, loadOrder);
                progress.accept(String.format(
                        "round %d of %d: bare stream %.0f MB/s, counted hits %.0f MB/s, load %.0f MB/s",
                        round + 1, rounds, bare[round] / 1e6, hits[round] / 1e6, load[round] / 1e6));
            }
        }
        return new Result(
                achieved / tokensPerSecond,
                Rounds.medianRatio(load, hits),
                Rounds.medianRatio(load, bare),
                tokensPerSecond,
                achieved,
                Rounds.median(load),
                Rounds.median(hits),
                Rounds.median(bare),
                messageBytes,
                students,
                ask.k(),
                ask.precision().name().toLowerCase(Locale.ROOT),
                ask.tokens(),
                rounds);
    }

    private static double rate(List<BenchStudent> processes, Order order) throws IOException {
        long start = System.nanoTime();
        return BenchStudent.run(processes, order) * 1e9 / (System.nanoTime() - start);
    }
}
