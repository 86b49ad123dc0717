package dev.lyne.student.train;

import dev.lyne.lm.training.Column;
import dev.lyne.lm.training.TrainingBatch;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.tokens.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Cuts the windows of an optimiser step into batches for one forward and backward each, and gives their rows weights so that
 * the sums over all of them are the step's loss: (1 − α)/N for each of N positions with loss, and α/M for each of M with a
 * target.
 *
 * @param microBatchTokens most tokens of a batch, padding included; a window alone always fits
 * @param loss whose columns targets become; without one there is the cross-entropy on the labels alone
 */
record MicroBatches(int microBatchTokens, Optional<DistillationLoss> loss) {
    /** The batches of a step. */
    List<TrainingBatch> of(List<StepFeed.Item> items, StepValues values) {
        long positions = items.stream()
                .mapToLong(item -> item.window().positions().length)
                .sum();
        long covered = items.stream()
                .filter(item -> item.targets().isPresent())
                .mapToLong(item -> item.window().positions().length)
                .sum();
        return groups(items.stream().map(StepFeed.Item::window).toList(), microBatchTokens).stream()
                .map(group -> batch(items.subList(group.from(), group.to()), positions, covered, values))
                .toList();
    }

    /** Consecutive windows {@code from} to {@code to}. */
    record Group(int from, int to) {}

    /** Windows in groups that fit into a batch of so many tokens, padding included; a window alone always does. */
    static List<Group> groups(List<Window> windows, int microBatchTokens) {
        List<Group> groups = new ArrayList<>();
        int from = 0;
        int longest = 0;
        for (int i = 0; i < windows.size(); i++) {
            int own = windows.get(i).tokens().length;
            int length = Math.max(longest, own);
            boolean full = i > from && (long) length * (i - from + 1) > microBatchTokens;
            if (full) {
                groups.add(new Group(from, i));
                from = i;
            }
            longest = full ? own : length;
        }
        groups.add(new Group(from, windows.size()));
        return groups;
    }

    private TrainingBatch batch(List<StepFeed.Item> items, long positions, long covered, StepValues values) {
        List<int[]> sequences =
                items.stream().map(item -> item.window().tokens()).toList();
        List<int[]> wanted =
                items.stream().map(item -> item.window().positions()).toList();
        int rows = wanted.stream().mapToInt(p -> p.length).sum();
        Map<String, Column> named = new LinkedHashMap<>();
        named.put("data_weight", filled(rows, (1 - (loss.isPresent() ? values.alpha() : 0)) / positions));
        if (loss.isPresent()) {
            float[] weights = new float[rows];
            int row = 0;
            for (StepFeed.Item item : items) {
                int count = item.window().positions().length;
                if (item.targets().isPresent()) {
                    Arrays.fill(weights, row, row + count, (float) (values.alpha() / covered));
                }
                row += count;
            }
            named.put("distillation_weight", new Column.Floats(weights, 1));
            named.putAll(new TargetColumns(values.teacherTemperature())
                    .of(
                            items.stream().map(StepFeed.Item::targets).toList(),
                            wanted.stream().mapToInt(p -> p.length).toArray()));
            values.ofLoss().forEach((name, value) -> named.put(name, filled(rows, value)));
            if (loss.get().studentTemperature() == DistillationLoss.BY_COLUMN) {
                named.put("student_temperature", filled(rows, values.studentTemperature()));
            }
        }
        return new TrainingBatch(sequences, wanted, named);
    }

    private static Column filled(int length, double value) {
        float[] values = new float[length];
        Arrays.fill(values, (float) value);
        return new Column.Floats(values, 1);
    }
}
