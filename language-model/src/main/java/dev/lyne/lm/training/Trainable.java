package dev.lyne.lm.training;

import dev.lyne.lm.generation.SequenceDecoder;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.row.ExecutionFingerprint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** A model that learns: float32 master weights, gradients and AdamW moments on one device. One thread calls it. */
public interface Trainable extends AutoCloseable {
    /** Adds the batch's gradients to the accumulated ones; returns the loss script's sums. */
    double[] accumulate(TrainingBatch batch);

    /**
     * Clips the accumulated gradients by their global norm, takes one AdamW step (decoupled weight decay, arXiv 1711.05101)
     * and clears them.
     *
     * @return the global norm before clipping; where it is not finite nothing was changed but the gradients cleared
     */
    double apply(double learningRate);

    /** Sum of the negative log-likelihood over the batch's rows, in nats, without gradients. */
    double negativeLogLikelihood(TrainingBatch batch);

    /**
     * The k most probable tokens of each of the batch's rows as the model stands, in descending order, without gradients;
     * {@code [rows · k]}. Columns are not read.
     */
    int[] topIds(TrainingBatch batch, int k);

    /**
     * Scores with the weights as they are whenever it is asked; they stay this model's, and closing it leaves them.
     *
     * @throws IllegalArgumentException unless matrix products are in float32, as the weights are
     */
    BatchScorer scorer();

    /** Returns all that decides the bits of a run: equal fingerprints continue a restored state bit for bit. */
    ExecutionFingerprint fingerprint();

    /** A continuation of the prompt: greedy where the temperature is 0. Ends at any of {@code stopIds}. */
    int[] generate(int[] prompt, int maxNewTokens, double temperature, double topP, long seed, Set<Integer> stopIds);

    /**
     * A decoder with the weights as they are now. It is closed before the next step, and before this is.
     *
     * @param maxCacheBytes most memory of keys and values
     */
    SequenceDecoder decoder(long maxCacheBytes);

    /** Optimiser steps taken. */
    long steps();

    /** Trained numbers, tied ones once. */
    long parameters();

    ModelConfiguration configuration();

    /** Writes weights, both moments and the step count to one safetensors file; accumulated gradients are not kept. */
    void saveState(Path file) throws IOException;

    /** Takes up a saved state, bit for bit; refuses one of another shape. */
    void restoreState(Path file) throws IOException;

    /**
     * Takes up the weights of another run's saved state, and its moments with their step count where they are wanted; moments are 0
     * at step 0 else.
     *
     * @return SHA-256 of the weights: each tensor's name and bytes, by name; 64 hexadecimal digits
     */
    String forkState(Path file, boolean moments) throws IOException;

    /** Writes `config.json` and `model.safetensors` that `transformers` loads, weights rounded to the stored type. */
    void export(Path directory, String storedType) throws IOException;

    /** Names of the sums that {@link #accumulate} returns. */
    List<String> terms();

    @Override
    void close();
}
