package dev.lyne.load.bench;

import dev.lyne.lm.engine.ProductSpeed;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/**
 * Rounds in turn with another implementation, the other one asleep, each beside the machine's best matrix product.
 *
 * @param rounds of each
 * @param progress told a line for each round
 */
public record PeerRounds(int rounds, Consumer<String> progress) {
    public PeerRounds {
        if (rounds < 1) {
            throw new IllegalArgumentException("--rounds: " + rounds + " (expected: at least 1)");
        }
    }

    /**
     * A comparison's figures, medians over the rounds.
     *
     * @param bestProductGflops 10^9 operations a second of a float32 product of 1024³ by the fastest kernel, the best of all rounds
     * @param <L> what it says of each thing that was compared
     */
    public record Result<L>(
            String peer,
            String peerVersion,
            String device,
            int threads,
            int rounds,
            double bestProductGflops,
            List<L> results) {}

    /**
     * The pace of the two.
     *
     * @param low the ratio's median lies above with a confidence of 97.5 %
     * @param high the same from above
     */
    public record Pace(
            double lynePositionsPerSecond,
            double peerPositionsPerSecond,
            double lyneOverPeer,
            double low,
            double high) {
        /** Medians of two series of rounds in turn. */
        static Pace of(double[] lyne, double[] peers) {
            double[] interval = Rounds.medianRatioInterval(lyne, peers);
            return new Pace(
                    Rounds.median(lyne),
                    Rounds.median(peers),
                    Rounds.medianRatio(lyne, peers),
                    interval[0],
                    interval[1]);
        }
    }

    /** The pace of the two beside the best product of their rounds, in 10^9 operations a second. */
    record Measured(Pace pace, double bestProductGflops) {}

    /** A round, which both sides do. */
    interface Round {
        /** Seconds that it took here. */
        double seconds() throws IOException;
    }

    /**
     * Runs the rounds.
     *
     * @param name of what is compared, for the lines of progress
     * @param positions of a round
     */
    Measured run(String name, double positions, Round here, PeerProcess peer, ProductSpeed product) throws IOException {
        double[] lyne = new double[rounds];
        double[] peers = new double[rounds];
        double best = 0;
        for (int round = 0; round < rounds; round++) {
            best = Math.max(best, product.bestGflops());
            boolean first = round % 2 == 0; // whoever comes second may find the machine warmer
            if (first) {
                lyne[round] = positions / here.seconds();
            }
            peers[round] = positions / peer.seconds();
            if (!first) {
                lyne[round] = positions / here.seconds();
            }
            progress.accept(String.format(
                    "%s, round %d of %d: %.0f positions/s, %s %.0f (%.2f); product %.0f GFLOP/s",
                    name, round + 1, rounds, lyne[round], peer.name(), peers[round], lyne[round] / peers[round], best));
        }
        return new Measured(Pace.of(lyne, peers), best);
    }
}
