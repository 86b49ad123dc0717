package dev.lyne.load.bench;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.lyne.lm.engine.ProductSpeed;
import dev.lyne.lm.training.TrainableModel;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.load.process.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

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
     * One shape with one loss.
     *
     * @param lyneOverBestProduct share of the best product
     * @param peerAttention the faster one of the peer's
     */
    public record Line(
            String shape,
            String precision,
            String loss,
            @JsonUnwrapped PeerRounds.Pace pace,
            double lyneOverBestProduct,
            @JsonUnwrapped PeakMemory memory,
            String peerAttention) {}

    /**
     * Memory at the peak of a step.
     *
     * @param peakMemoryOverPeer weights, moments, gradients and all that a step adds to them, over the peer's
     * @param recomputedPeakMemoryBytes where the way back computes each layer again, as {@code train --recompute true} has it
     */
    public record PeakMemory(
            double peakMemoryOverPeer,
            long peakMemoryBytes,
            long recomputedPeakMemoryBytes,
            long peerPeakMemoryBytes) {}

    private final String python;
    private final PeerRounds rounds;

    /**
     * A comparison.
     *
     * @param python an interpreter that can import `torch` and `transformers`, or the folder of its virtual environment
     */
    public StepComparison(String peer, String python, PeerRounds rounds) {
        if (!peer.equals(PEER)) {
            throw new IllegalArgumentException("--against: " + peer + " (expected: " + PEER + ")");
        }
        this.python = python;
        this.rounds = rounds;
    }

    /** Runs it; random models are written to {@code scratch} and deleted afterwards. */
    public PeerRounds.Result<Line> run(List<String> shapes, List<String> losses, Path scratch)
            throws IOException, InterruptedException {
        for (String shape : shapes) {
            losses.forEach(loss -> new StepTask(shape, loss)); // what there is not is refused before anything runs
        }
        List<Line> lines = new ArrayList<>();
        Running running = new Running();
        for (String shape : shapes) {
            Path directory = Files.createTempDirectory(scratch, "step");
            try {
                try (TrainableModel model = new StepTask(shape, losses.get(0)).create()) {
                    model.export(directory, "float32");
                    running.device = model.fingerprint().device();
                    running.threads = model.fingerprint().threads();
                }
                for (String loss : losses) {
                    lines.add(line(shape, loss, directory, scratch, running));
                }
            } finally {
                Directories.delete(directory);
            }
        }
        return new PeerRounds.Result<>(
                PEER, running.version, running.device, running.threads, rounds.rounds(), running.best, lines);
    }

    /** Facts that the lines of a comparison have in common. */
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
        String attention;
        long parameters;
        PeerRounds.Measured measured;
        try (PeerProcess peer = PeerProcess.start(PEER, start, task.job(model, running.threads));
                TrainableModel student = task.load(model);
                ProductSpeed product = new ProductSpeed(StepTask.options())) {
            running.version = peer.version();
            attention = peer.attention();
            parameters = student.parameters();
            requireSame(student, batch, peer.number("loss"));
            for (int i = 0; i < WARM_UPS; i++) {
                seconds(student, batch);
            }
            measured = rounds.run(shape + ", " + loss, task.rows(), () -> seconds(student, batch), peer, product);
        }
        running.best = Math.max(running.best, measured.bestProductGflops());
        long bytes = StepMemory.inAProcess(shape, loss, false);
        long recomputedBytes = StepMemory.inAProcess(shape, loss, true);
        long peerBytes = StepMemory.ofPeer(task, start, model, attention);
        rounds.progress()
                .accept(String.format(
                        "%s, %s: %d of %d MiB at the peak of a step", shape, loss, bytes >> 20, peerBytes >> 20));
        return new Line(
                shape,
                StepTask.options().precision().torchName(),
                loss,
                measured.pace(),
                6e-9 * parameters * measured.pace().lynePositionsPerSecond() / measured.bestProductGflops(),
                new PeakMemory((double) bytes / peerBytes, bytes, recomputedBytes, peerBytes),
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
