package dev.lyne.student.train;

import dev.lyne.lm.training.Trainable;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The tokens that the student itself finds most probable as it stands.
 *
 * @param microBatchTokens most tokens of a forward, padding included
 */
record StudentTopIds(Trainable model, int microBatchTokens) {
    /** Groups of windows for one forward each. */
    List<MicroBatches.Group> groups(List<Window> windows) {
        return MicroBatches.groups(windows, microBatchTokens);
    }

    /** The k most probable tokens of each position of windows of one forward, {@code [windows][positions][k]}. */
    List<int[][]> of(List<Window> windows, int k) {
        int[] ids = model.topIds(
                new TrainingBatch(
                        windows.stream().map(Window::tokens).toList(),
                        windows.stream().map(Window::positions).toList(),
                        Map.of()),
                k);
        List<int[][]> all = new ArrayList<>(windows.size());
        int row = 0;
        for (Window window : windows) {
            int[][] chosen = new int[window.positions().length][];
            for (int r = 0; r < chosen.length; r++, row++) {
                chosen[r] = Arrays.copyOfRange(ids, row * k, (row + 1) * k);
            }
            all.add(chosen);
        }
        return all;
    }
}
