package dev.lyne.load.bench;

import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/**
 * Students that ask over and over for rows that the memory tier holds, against a bare gRPC stream of messages of the same
 * size. Three rounds are interleaved: the bare stream and the hits with students that count bytes and do nothing else, and the
 * hits with students that verify and decode.
 */
final class HitRounds {
    private static final int WARM_UP_ROUNDS = 5; // the compilers of the students settle

    /** Figures round by round. */
    record Figures(double[] bareByteRate, double[] hitByteRate, double[] decodedRate, int messageBytes) {}

    private final List<BenchStudent> students;
    private final Order.Workload workload;
    private final long roundBytes;
    private final Consumer<String> progress;

    /**
     * @param ask what a student asks for once; its rows are in the memory tier, or the first round brings them there
     * @param roundBytes what the students of a round read together, about
     */
    HitRounds(List<BenchStudent> students, Order.Workload workload, long roundBytes, Consumer<String> progress) {
        this.students = students;
        this.workload = workload;
        this.roundBytes = roundBytes;
        this.progress = progress;
    }

    Figures run(int rounds, ServerGauges server) throws IOException {
        double[] bare = new double[rounds];
        double[] hits = new double[rounds];
        double[] decoded = new double[rounds];
        long messages = server.blocksServed();
        long bytes = BenchStudent.run(students, new Order.CountRows(workload.times(1)));
        messages = server.blocksServed() - messages;
        int messageBytes = (int) (bytes / messages);
        int times = (int) Math.max(1, roundBytes / bytes);
        try (var stream = new BareStream(messageBytes)) {
            var bareOrder = new Order.CountMessages(stream.port(), messages * times / students.size());
            var hitOrder = new Order.CountRows(workload.times(times));
            var takeOrder = new Order.TakeRows(workload.times(times));
            for (int round = 0; round < WARM_UP_ROUNDS; round++) {
                for (Order order : List.of(bareOrder, hitOrder, takeOrder)) {
                    BenchStudent.run(students, order);
                }
            }
            double scored = server.positionsScored();
            for (int round = 0; round < rounds; round++) {
                bare[round] = rate(bareOrder);
                hits[round] = rate(hitOrder);
                decoded[round] = rate(takeOrder);
                progress.accept(String.format(
                        "round %d of %d: bare stream %.0f MB/s, hits %.0f MB/s, ratio %.3f; decoded %.0f positions/s",
                        round + 1,
                        rounds,
                        bare[round] / 1e6,
                        hits[round] / 1e6,
                        hits[round] / bare[round],
                        decoded[round]));
            }
            if (server.positionsScored() != scored) {
                throw new IllegalStateException("the model scored " + (server.positionsScored() - scored)
                        + " positions during rounds of hits (expected: none; the memory tier is too small)");
            }
        }
        return new Figures(bare, hits, decoded, messageBytes);
    }

    private double rate(Order order) throws IOException {
        long start = System.nanoTime();
        return BenchStudent.run(students, order) * 1e9 / (System.nanoTime() - start);
    }
}
