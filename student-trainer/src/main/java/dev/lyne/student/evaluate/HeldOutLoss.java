package dev.lyne.student.evaluate;

import dev.lyne.lm.training.Trainable;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Mean negative log-likelihood of held-out tokens; touches no training state.
 *
 * @param windows what is evaluated
 * @param maxWindows most windows, evenly spread; 0: all
 * @param maxTokens most tokens in one forward; a window alone always fits
 */
public record HeldOutLoss(Windows windows, long maxWindows, int maxTokens) {
    /** Nats a token, each token weighing the same. */
    public double of(Trainable model) {
        return of(model, () -> {});
    }

    /**
     * The same.
     *
     * @param between called before each forward; what it throws ends the evaluation
     */
    public double of(Trainable model, Runnable between) {
        long count = count();
        double sum = 0;
        long tokens = 0;
        List<int[]> sequences = new ArrayList<>();
        List<int[]> positions = new ArrayList<>();
        int longest = 0;
        for (long i = 0; i < count; i++) {
            Window window = window(i);
            longest = Math.max(longest, window.tokens().length);
            if (!sequences.isEmpty() && (long) longest * (sequences.size() + 1) > maxTokens) {
                between.run();
                sum += model.negativeLogLikelihood(new TrainingBatch(sequences, positions, Map.of()));
                sequences = new ArrayList<>();
                positions = new ArrayList<>();
                longest = window.tokens().length;
            }
            sequences.add(window.tokens());
            positions.add(window.positions());
            tokens += window.positions().length;
        }
        sum += model.negativeLogLikelihood(new TrainingBatch(sequences, positions, Map.of()));
        return sum / tokens;
    }

    /** Number of windows that are evaluated. */
    public long count() {
        return maxWindows == 0 ? windows.count() : Math.min(maxWindows, windows.count());
    }

    /** The window that is evaluated at that place, from 0. */
    public Window window(long place) {
        return windows.window(Math.multiplyExact(place, windows.count()) / count());
    }
}
