package dev.lyne.load.bench;

import dev.lyne.lm.engine.ProductSpeed;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.lm.training.TrainingBatch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The student's training step against the same step of PyTorch, which keeps whole logits, on the same random weights, tokens and teacher's
 * rows: steps in turn, the other one asleep. A position costs 6 floating-point operations a parameter, attention scores and norms not
 * counted.
 */
public final class StepComparison {
    static final String PEER = "pytorch";

    private static final int WARM_UPS = 2;

    /** Within which two first losses are of the same step. */
    private static final double SAME_LOSS = 1e-3;

    /**
     * Medians over the rounds.
     *
     * @param bestProductGflops 10^9 operations a second of a float32 product of 1024³ by the fastest kernel, the best of all rounds
     */
    public record Result(
            String peer,
            String peerVersion,
            String device,
            int threads,
            int rounds,
            double bestProductGflops,
            List<Line> results) {}

    /**
     * One shape with one loss.
     *
     * @param low the ratio's median lies above with a confidence of 97.5 %
     * @param high the same from above
     * @param lyneOverBestProduct share of the best product
     * @param peakMemoryOverPeer weights, moments, gradients and all that a step adds to them, over the peer's
     * @param recomputedPeakMemoryBytes the same where the way back computes each layer again, as {@code train --recompute true} has it
     * @param peerAttention the faster one of the peer's
     */
    public record Line(
            String shape,
            String precision,
            String loss,
            double lynePositionsPerSecond,
            double peerPositionsPerSecond,
            double lyneOverPeer,
            double low,
            double high,
            double lyneOverBestProduct,
            double peakMemoryOverPeer,
            long peakMemoryBytes,
            long recomputedPeakMemoryBytes,
            long peerPeakMemoryBytes,
            String peerAttention) {}

    private final String python;
    private final int rounds;
    private final Consumer<String> progress;

    /**
     * A comparison.
     *
     * @param python an interpreter that can import `torch` and `transformers`, or the folder of its virtual environment
     */
    public StepComparison(String peer, String python, int rounds, Consumer<String> progress) {
        if (!peer.equals(PEER)) {
            throw new IllegalArgumentException("--against: " + peer + " (expected: " + PEER + ")");
        }
        if (rounds < 1) {
            throw new IllegalArgumentException("--rounds: " + rounds + " (expected: at least 1)");
        }
        this.python = python;
        this.rounds = rounds;
        this.progress = progress;
    }

    /** Runs it; random models are written to {@code scratch} and deleted afterwards. */
    public Result run(List<String> shapes, List<String> losses, Path scratch) throws IOException, InterruptedException {
        for (String shape : shapes) {
            losses.forEach(loss -> new StepTask(shape, loss)); // what there is not is refused before anything runs
        }
        List<Line> lines = new ArrayList<>();
        Running running = new Running();
        for (String shape : shapes) {
            try (RandomModel files = RandomModel.write(new StepTask(shape, losses.get(0)).configuration(), scratch)) {
                running.device = files.fingerprint().device();
                running.threads = files.fingerprint().threads();
                for (String loss : losses) {
                    lines.add(line(shape, loss, files.directory(), scratch, running));
                }
            }
        }
        return new Result(PEER, running.version, running.device, running.threads, rounds, running.best, lines);
    }

    /** What the lines of a comparison have in common. */
    private static final class Running {
        private String version = "";
        private String device = "";
        private int threads;
        private double best;
    }

    private Line line(String shape, String loss, Path model, Path scratch, Running running)
            throws IOException, InterruptedException {
        var task = new StepTask(shape, loss);
        TrainingBatch batch = task.batch();
        var start = new PeerProcess.Start(python, running.threads, Map.of(), scratch);
        double[] lyne = new double[rounds];
        double[] peers = new double[rounds];
        String attention;
        long parameters;
        double best = 0;
        try (PeerProcess peer = PeerProcess.start(PEER, start, task.job(model, running.threads));
                TrainableModel student = task.load(model);
                ProductSpeed product = new ProductSpeed(StepTask.options())) {
            running.version = peer.ready().path("version").asString("");
            attention = peer.ready().path("attention").asString("");
            parameters = student.parameters();
            requireSame(student, batch, peer.ready().path("loss").asDouble(Double.NaN));
            for (int i = 0; i < WARM_UPS; i++) {
                seconds(student, batch);
            }
            for (int round = 0; round < rounds; round++) {
                best = Math.max(best, product.bestGflops());
                boolean first = round % 2 == 0; // whoever comes second may find the machine warmer
                if (first) {
                    lyne[round] = task.rows() / seconds(student, batch);
                }
                peers[round] = task.rows() / peer.seconds();
                if (!first) {
                    lyne[round] = task.rows() / seconds(student, batch);
                }
                progress.accept(String.format(
                        "%s, %s, round %d of %d: %.0f positions/s, %s %.0f (%.2f); product %.0f GFLOP/s",
                        shape,
                        loss,
                        round + 1,
                        rounds,
                        lyne[round],
                        PEER,
                        peers[round],
                        lyne[round] / peers[round],
                        best));
            }
        }
        running.best = Math.max(running.best, best);
        long bytes = StepMemory.inAProcess(shape, loss, false);
        long recomputedBytes = StepMemory.inAProcess(shape, loss, true);
        long peerBytes = StepMemory.ofPeer(task, start, model, attention);
        progress.accept(String.format(
                "%s, %s: %d of %d MiB at the peak of a step, %d with layers computed again",
                shape, loss, bytes >> 20, peerBytes >> 20, recomputedBytes >> 20));
        double[] interval = Rounds.medianRatioInterval(lyne, peers);
        double rate = Rounds.median(lyne);
        return new Line(
                shape,
                StepTask.options().precision().torchName(),
                loss,
                rate,
                Rounds.median(peers),
                Rounds.medianRatio(lyne, peers),
                interval[0],
                interval[1],
                6e-9 * parameters * rate / best,
                (double) bytes / peerBytes,
                bytes,
                recomputedBytes,
                peerBytes,
                attention);
    }

    /** Refuses to compare steps that do not compute the same; takes the first one. */
    private static void requireSame(TrainableModel student, TrainingBatch batch, double expected) throws IOException {
        double loss = student.accumulate(batch)[0];
        student.apply(StepTask.LEARNING_RATE);
        if (!(Math.abs(loss - expected) <= SAME_LOSS * Math.abs(loss))) {
            throw new IOException(PEER + ": first loss " + expected + " (expected: " + loss + ", as here)");
        }
    }

    private static double seconds(TrainableModel student, TrainingBatch batch) {
        long start = System.nanoTime();
        student.accumulate(batch);
        student.apply(StepTask.LEARNING_RATE);
        return (System.nanoTime() - start) * 1e-9;
    }
}
