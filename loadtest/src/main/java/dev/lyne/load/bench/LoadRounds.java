package dev.lyne.load.bench;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * The load generator against students that count bytes and do nothing else: on rows that the memory tier holds, and on a bare stream of
 * messages as large. The four are interleaved round by round.
 */
final class LoadRounds {
    private static final int WARM_UP_ROUNDS = 3; // the compilers of the students settle

    /** Figures of one kind, round by round. */
    record Series(double[] bytesPerSecond, double[] cpuSecondsPerGigabyte) {
        private Series(int rounds) {
            this(new double[rounds], new double[rounds]);
        }
    }

    /**
     * Figures round by round.
     *
     * @param bare students that count the messages of a bare stream
     * @param loadOnBare the load generator on a bare stream that answers its requests
     * @param hits students that count the bytes of rows from the memory tier
     * @param loadOnHits the load generator on the memory tier
     */
    record Figures(Series bare, Series loadOnBare, Series hits, Series loadOnHits, int messageBytes) {}

    private final List<BenchStudent> students;
    private final Order.Workload workload;
    private final long roundMillis;
    private final Consumer<String> progress;

    /** @param ask what a student asks for; its rows are in the memory tier, or the first round brings them there */
    LoadRounds(List<BenchStudent> students, Order.Workload workload, long roundMillis, Consumer<String> progress) {
        this.students = students;
        this.workload = workload;
        this.roundMillis = roundMillis;
        this.progress = progress;
    }

    Figures run(int rounds, ServerGauges server) throws IOException {
        long messages = server.blocksServed();
        long bytes = BenchStudent.run(students, new Order.CountRows(workload));
        messages = server.blocksServed() - messages;
        int messageBytes = (int) (bytes / messages);
        var figures = new Figures(
                new Series(rounds), new Series(rounds), new Series(rounds), new Series(rounds), messageBytes);
        try (var stream = new BareStream(messageBytes)) {
            var loadOnHits = new Order.Load(workload, 0, true, roundMillis);
            var loadOnBare = new Order.Load(workload, stream.port(), true, roundMillis);
            double rate = 0;
            for (int round = 0; round < WARM_UP_ROUNDS; round++) {
                rate = BenchStudent.run(students, loadOnHits);
                BenchStudent.run(students, loadOnBare);
            }
            int times =
                    (int) Math.max(1, rate * roundMillis / 1e3 / bytes); // so that a round of counting takes as long
            var hits = new Order.CountRows(workload.times(times));
            var bare = new Order.CountMessages(stream.port(), messages * times / students.size());
            for (int round = 0; round < WARM_UP_ROUNDS; round++) {
                BenchStudent.run(students, hits);
                BenchStudent.run(students, bare);
            }
            for (int round = 0; round < rounds; round++) {
                measure(bare, figures.bare(), round);
                measure(loadOnBare, figures.loadOnBare(), round);
                measure(hits, figures.hits(), round);
                measure(loadOnHits, figures.loadOnHits(), round);
                progress.accept(line(figures, round, rounds));
            }
        }
        return figures;
    }

    private void measure(Order order, Series series, int round) throws IOException {
        long start = System.nanoTime();
        double answer = BenchStudent.run(students, order);
        double seconds = (System.nanoTime() - start) / 1e9;
        boolean load = order instanceof Order.Load;
        double rate = load ? answer : answer / seconds;
        double counted = load ? answer * roundMillis / 1e3 : answer;
        series.bytesPerSecond()[round] = rate;
        series.cpuSecondsPerGigabyte()[round] = BenchStudent.run(students, new Order.TellCpuTime()) / counted;
    }

    private static String line(Figures figures, int round, int rounds) {
        double[] rates = Arrays.stream(
                        new Series[] {figures.bare(), figures.loadOnBare(), figures.hits(), figures.loadOnHits()})
                .mapToDouble(series -> series.bytesPerSecond()[round] / 1e6)
                .toArray();
        return String.format(
                "round %d of %d: bare stream %.0f MB/s, load on it %.0f, ratio %.3f; hits %.0f MB/s, load on them %.0f, ratio %.3f",
                round + 1, rounds, rates[0], rates[1], rates[1] / rates[0], rates[2], rates[3], rates[3] / rates[2]);
    }
}
