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
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * Cuts the windows of an optimiser step into batches for one forward and backward each, and gives their rows weights so that
 * the sums over all of them are the step's loss: on data (1 − α)/N for each of N positions with loss, and α/M for each of M with a
 * target. On text that the student wrote the policy's term and the divergence count 1/M for each of M positions with a target; where
 * a step has both, the data's weights count {@code corpusWeight} times.
 *
 * @param microBatchTokens most tokens of a batch, padding included; a window alone always fits
 * @param loss whose columns targets become; without one there is the cross-entropy on the labels alone
 * @param corpusWeight weight of data beside own text
 * @param singleStep whether the divergence of own text counts
 */
record MicroBatches(int microBatchTokens, Optional<DistillationLoss> loss, double corpusWeight, boolean singleStep) {
    /** Batches of a run on data alone. */
    MicroBatches(int microBatchTokens, Optional<DistillationLoss> loss) {
        this(microBatchTokens, loss, 1, true);
    }

    /**
     * A batch of windows that one teacher was asked for.
     *
     * @param teacher its number
     */
    record OfTeacher(int teacher, TrainingBatch batch) {}

    /** The batches of a step, those of each teacher together, so that what they sum up is its own. */
    List<OfTeacher> of(List<StepFeed.Item> items, StepValues values) {
        Counts counts = Counts.of(items);
        List<OfTeacher> batches = new ArrayList<>();
        List<Integer> teachers =
                items.stream().map(StepFeed.Item::teacher).distinct().sorted().toList();
        for (int teacher : teachers) {
            List<StepFeed.Item> own =
                    items.stream().filter(item -> item.teacher() == teacher).toList();
            for (Group group : groups(own.stream().map(StepFeed.Item::window).toList(), microBatchTokens)) {
                batches.add(new OfTeacher(teacher, batch(own.subList(group.from(), group.to()), counts, values)));
            }
        }
        return batches;
    }

    /**
     * Positions of a step.
     *
     * @param data positions of data
     * @param coveredData those with a target
     * @param coveredOwn positions of own text with a target
     */
    record Counts(long data, long coveredData, long own, long coveredOwn) {
        static Counts of(List<StepFeed.Item> items) {
            return new Counts(
                    count(items, false, false),
                    count(items, false, true),
                    count(items, true, false),
                    count(items, true, true));
        }

        private static long count(List<StepFeed.Item> items, boolean own, boolean covered) {
            return items.stream()
                    .filter(item -> item.own().isPresent() == own)
                    .filter(item -> !covered || item.targets().isPresent())
                    .mapToLong(StepFeed.Item::positions)
                    .sum();
        }
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

    private TrainingBatch batch(List<StepFeed.Item> items, Counts counts, StepValues values) {
        List<int[]> sequences =
                items.stream().map(item -> item.window().tokens()).toList();
        List<int[]> wanted =
                items.stream().map(item -> item.window().positions()).toList();
        int rows = wanted.stream().mapToInt(p -> p.length).sum();
        double share = counts.own() > 0 ? corpusWeight : 1;
        double alpha = loss.isPresent() ? values.alpha() : 0;
        Map<String, Column> named = new LinkedHashMap<>();
        named.put("data_weight", each(items, item -> item.own().isPresent() ? 0 : share * (1 - alpha) / counts.data()));
        if (loss.isPresent()) {
            named.put("distillation_weight", each(items, item -> {
                if (item.targets().isEmpty()) {
                    return 0;
                }
                double own = singleStep ? 1.0 / counts.coveredOwn() : 0;
                return item.own().isPresent() ? own : share * alpha / counts.coveredData();
            }));
            named.putAll(new TargetColumns(values.teacherTemperature())
                    .of(
                            items.stream().map(StepFeed.Item::targets).toList(),
                            wanted.stream().mapToInt(p -> p.length).toArray()));
            values.ofLoss().forEach((name, value) -> named.put(name, filled(rows, value)));
            if (loss.get().studentTemperature() == DistillationLoss.BY_COLUMN) {
                named.put("student_temperature", filled(rows, values.studentTemperature()));
            }
            if (loss.get().ownText().isPresent()) {
                putOwnText(named, items, counts);
            }
        }
        return new TrainingBatch(sequences, wanted, named);
    }

    private static void putOwnText(Map<String, Column> named, List<StepFeed.Item> items, Counts counts) {
        named.put("own_text", each(items, item -> item.own().isPresent() ? 1 : 0));
        named.put(
                "policy_weight",
                each(
                        items,
                        item -> item.own().isPresent() && item.targets().isPresent() ? 1.0 / counts.coveredOwn() : 0));
        named.put("policy_advantage", ofOwn(items, OwnTokens::advantages));
        named.put("policy_old_log_prob", ofOwn(items, OwnTokens::oldLogProbabilities));
        named.put("policy_proposal_log_prob", ofOwn(items, OwnTokens::proposalLogProbabilities));
    }

    /** A number of each window, in all of its rows. */
    private static Column each(List<StepFeed.Item> items, ToDoubleFunction<StepFeed.Item> value) {
        float[] values =
                new float[items.stream().mapToInt(StepFeed.Item::positions).sum()];
        int row = 0;
        for (StepFeed.Item item : items) {
            Arrays.fill(values, row, row + item.positions(), (float) value.applyAsDouble(item));
            row += item.positions();
        }
        return new Column.Floats(values, 1);
    }

    /** A number of each drawn token; 0 in rows of data. */
    private static Column ofOwn(List<StepFeed.Item> items, Function<OwnTokens, double[]> numbers) {
        float[] values =
                new float[items.stream().mapToInt(StepFeed.Item::positions).sum()];
        int row = 0;
        for (StepFeed.Item item : items) {
            if (item.own().isPresent()) {
                double[] own = numbers.apply(item.own().get());
                for (int i = 0; i < own.length; i++) {
                    values[row + i] = (float) own[i];
                }
            }
            row += item.positions();
        }
        return new Column.Floats(values, 1);
    }

    private static Column filled(int length, double value) {
        float[] values = new float[length];
        Arrays.fill(values, (float) value);
        return new Column.Floats(values, 1);
    }
}
