package dev.lyne.load.bench;

import dev.lyne.lm.training.TrainableModel;
import dev.lyne.lm.training.TrainingBatch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The memory of a training step at its peak: weights, moments and gradients that stand between steps, and by how much the resident memory
 * of this process grows in one. Linux only; to be measured in a fresh process, whose allocator gives freed memory back.
 */
public final class StepMemory {
    private StepMemory() {}

    /**
     * Measures, in bytes.
     *
     * @param shape of the student, as {@code bench step --shapes} has it
     * @param recompute whether the way back computes each layer again
     */
    public static long measure(String shape, String loss, boolean recompute) throws IOException {
        var task = new StepTask(shape, loss);
        TrainingBatch batch = task.batch();
        try (TrainableModel student = task.create(recompute)) {
            student.accumulate(batch);
            student.apply(StepTask.LEARNING_RATE);
            System.gc(); // the arrays that the weights were made of
            long growth = ResidentMemory.growth(() -> {
                student.accumulate(batch);
                student.apply(StepTask.LEARNING_RATE);
            });
            return 4L * Float.BYTES * student.parameters() + growth;
        }
    }

    /** Measures in a process of its own. */
    static long inAProcess(String shape, String loss, boolean recompute) throws IOException, InterruptedException {
        return ResidentMemory.inAProcess("memory of a step", List.of("step", shape, loss, Boolean.toString(recompute)));
    }

    /** The peer's memory of the same step, in a process of its own. */
    static long ofPeer(StepTask task, PeerProcess.Start start, Path model, String attention) throws IOException {
        Map<String, Object> job = task.job(model, start.threads());
        job.put("memory", true);
        job.put("attention", attention);
        var giving = new PeerProcess.Start(start.python(), start.threads(), ResidentMemory.GIVES_BACK, start.scratch());
        try (PeerProcess peer = PeerProcess.start(StepComparison.PEER, giving, job)) {
            return (long) peer.number("bytes");
        }
    }
}
