package dev.lyne.lm.training;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.InferenceCall;
import dev.lyne.lm.engine.NamedTensors;
import dev.lyne.lm.engine.RotaryTables;
import dev.lyne.lm.engine.Script;
import dev.lyne.lm.engine.TrainingCall;
import java.nio.DoubleBuffer;
import java.util.List;

/** The native calls of a training step, each over a batch or over all weights. */
final class TrainingSteps {
    private final Bounds bounds;
    private final Script script;
    private final RotaryTables rotary;
    private final TrainingTensors tensors;
    private final OptimizerOptions optimizer;
    private final List<String> terms;

    /**
     * Bounds of a batch.
     *
     * @param vocabularySize ids of the tokenizer
     * @param contextLength tokens of the longest sequence
     */
    record Bounds(int vocabularySize, int contextLength) {}

    /** @param terms names of the sums that the loss script returns */
    TrainingSteps(
            Bounds bounds,
            Script script,
            RotaryTables rotary,
            TrainingTensors tensors,
            OptimizerOptions optimizer,
            List<String> terms) {
        this.bounds = bounds;
        this.script = script;
        this.rotary = rotary;
        this.tensors = tensors;
        this.optimizer = optimizer;
        this.terms = terms;
    }

    /** Forward, loss and backward; adds to the gradients. Returns the sums of the loss. {@code [terms]} */
    double[] accumulate(TrainingBatch source) {
        BatchTensors batch = new BatchTensors(source, bounds.vocabularySize(), bounds.contextLength());
        if (batch.rowCount() == 0) {
            return new double[terms.size()];
        }
        try (TrainingCall call = script.training("accumulate");
                NamedTensors columns = batch.columns(script.newManager())) {
            NDManager manager = call.manager();
            double[] sums = call.tensor(batch.ids(manager))
                    .tensor(batch.lengths(manager))
                    .tensor(rotary.cosines(batch.longest()))
                    .tensor(rotary.sines(batch.longest()))
                    .tensor(batch.rows(manager))
                    .tensors(columns)
                    .tensors(tensors.weights())
                    .tensors(tensors.gradients())
                    .run()
                    .singletonOrThrow()
                    .toDoubleArray();
            if (sums.length != terms.size()) {
                throw new IllegalStateException(
                        "loss script: " + sums.length + " sums (expected: " + terms.size() + ", " + terms + ")");
            }
            return sums;
        }
    }

    /**
     * One step of AdamW, which clears the gradients. Returns their norm before clipping; where it is not finite, the weights
     * stay as they are.
     *
     * @param step number of the step, from 1
     */
    double apply(double learningRate, long step) {
        if (!(learningRate >= 0) || Double.isInfinite(learningRate)) {
            throw new IllegalArgumentException("learning_rate: " + learningRate + " (expected: finite, 0 or more)");
        }
        double[] settings = {
            learningRate,
            optimizer.beta1(),
            optimizer.beta2(),
            optimizer.epsilon(),
            optimizer.weightDecay(),
            optimizer.clipNorm(),
            step
        };
        try (TrainingCall call = script.training("apply")) {
            return call.tensor(call.manager().create(DoubleBuffer.wrap(settings), new Shape(settings.length)))
                    .tensors(tensors.weights())
                    .tensors(tensors.gradients())
                    .tensors(tensors.firstMoments())
                    .tensors(tensors.secondMoments())
                    .run()
                    .singletonOrThrow()
                    .getDouble();
        }
    }

    /** The batch's negative log-likelihood, nats, summed over its rows; no gradients. */
    double negativeLogLikelihood(TrainingBatch source) {
        BatchTensors batch = new BatchTensors(source, bounds.vocabularySize(), bounds.contextLength());
        if (batch.rowCount() == 0) {
            return 0;
        }
        try (InferenceCall call = script.inference("negative_log_likelihood")) {
            NDManager manager = call.manager();
            return call.tensor(batch.ids(manager))
                    .tensor(batch.lengths(manager))
                    .tensor(rotary.cosines(batch.longest()))
                    .tensor(rotary.sines(batch.longest()))
                    .tensor(batch.rows(manager))
                    .tensor(batch.labels(manager))
                    .tensors(tensors.weights())
                    .run()
                    .singletonOrThrow()
                    .getDouble();
        }
    }

    /** Ids of the k greatest logits of the batch's rows, in descending order; no gradients. {@code [rows * k]} */
    int[] topIds(TrainingBatch source, int k) {
        if (k < 1 || k > bounds.vocabularySize()) {
            throw new IllegalArgumentException("k: " + k + " (expected: 1.." + bounds.vocabularySize() + ")");
        }
        BatchTensors batch = new BatchTensors(source, bounds.vocabularySize(), bounds.contextLength());
        if (batch.rowCount() == 0) {
            return new int[0];
        }
        try (InferenceCall call = script.inference("top_ids")) {
            NDManager manager = call.manager();
            return call.tensor(batch.ids(manager))
                    .tensor(batch.lengths(manager))
                    .tensor(rotary.cosines(batch.longest()))
                    .tensor(rotary.sines(batch.longest()))
                    .tensor(batch.rows(manager))
                    .integer(k)
                    .tensors(tensors.weights())
                    .run()
                    .singletonOrThrow()
                    .toIntArray();
        }
    }
}
