package dev.lyne.load.bench;

import dev.lyne.lm.training.TrainableModel;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.Loss;
import java.io.IOException;
import java.util.stream.Stream;

/**
 * By how much the resident memory of this process grows, at its peak, in one forward and backward with a loss, over what was
 * resident just before: weights, gradients, moments and targets are there already. Linux only; to be measured in a fresh process,
 * whose allocator gives freed memory back.
 */
public final class LossMemory {
    /** Rows of the step. */
    public static final int ROWS = 2_048;

    private LossMemory() {}

    /**
     * Measures.
     *
     * @param rowChunk rows of logits that exist at a time; {@link #ROWS} for whole logits
     * @return bytes
     */
    public static long measure(String loss, int vocabularySize, int k, int rowChunk) throws IOException {
        var task = new LossTask("cpu", vocabularySize, k, ROWS);
        TrainingBatch batch = task.batch();
        try (TrainableModel student =
                task.student(DistillationLoss.of(Loss.of(loss)).script(), rowChunk)) {
            System.gc(); // the arrays that the weights were made of
            return ResidentMemory.growth(() -> student.accumulate(batch));
        }
    }

    /** Measures in a process of its own. */
    public static long inAProcess(String loss, int vocabularySize, int k, int rowChunk)
            throws IOException, InterruptedException {
        return ResidentMemory.inAProcess(
                "memory of " + loss,
                Stream.of("loss", loss, vocabularySize, k, rowChunk)
                        .map(Object::toString)
                        .toList());
    }
}
