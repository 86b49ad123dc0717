package dev.lyne.student.train;

import dev.lyne.client.Targets;
import dev.lyne.lm.training.Column;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Targets as columns of a training batch: {@code teacher_ids}, {@code teacher_log_probs} and {@code teacher_weights}, all
 * `[rows, k]`, and {@code teacher_log_tail} `[rows]`, at the teacher's temperature τ. Selection log-probabilities become lp/τ + c_τ and
 * weights their exponentials; the tail is the one that was sent for τ. All of them are divided by their sum, which is 1 but for what
 * coding took or added. Beside them {@code teacher_label_log_prob} `[rows]` at temperature 1, and where rows carry raw logits
 * {@code teacher_logits} `[rows, k]`, over τ.
 *
 * <p>Of N draws, c on an entry give it the weight c/N, beside an exact head t_R·c/N, where t_R is the mass outside the head; draws
 * stand for the whole tail, so there is none left (random sampling KD, arXiv 2503.16870). They are taken at temperature 1.
 *
 * @param temperature τ of the teacher's distribution
 */
record TargetColumns(float temperature) {
    /** Prefix of the names of all of these columns. */
    static final String PREFIX = "teacher_";

    TargetColumns {
        if (!(temperature > 0) || Float.isInfinite(temperature)) {
            throw new IllegalArgumentException("teacher_temperature: " + temperature + " (expected: finite, above 0)");
        }
    }

    /**
     * The columns of a batch.
     *
     * @param targets of each sequence; where absent, its rows keep nothing, and must have no distillation weight
     * @param rows rows of each sequence
     */
    Map<String, Column> of(List<Optional<Targets>> targets, int[] rows) {
        int width = Math.max(
                1,
                targets.stream()
                        .flatMap(Optional::stream)
                        .mapToInt(own -> own.columns().stride())
                        .max()
                        .orElse(1));
        int total = Arrays.stream(rows).sum();
        long[] ids = new long[total * width];
        float[] logProbabilities = new float[total * width];
        float[] weights = new float[total * width];
        float[] tail = new float[total];
        float[] data = new float[total];
        boolean raw = targets.stream()
                .flatMap(Optional::stream)
                .anyMatch(own -> own.columns().logits().length > 0);
        float[] logits = new float[raw ? total * width : 0];
        Arrays.fill(logProbabilities, Float.NEGATIVE_INFINITY);
        Arrays.fill(tail, Float.NEGATIVE_INFINITY);
        int row = 0;
        for (int s = 0; s < rows.length; s++) {
            if (targets.get(s).isPresent()) {
                Targets own = targets.get(s).get();
                if (own.rows() != rows[s]) {
                    throw new IllegalArgumentException("sequence "
                            + own.sequence().id() + ": " + own.rows() + " rows (expected: " + rows[s] + ")");
                }
                for (int r = 0; r < rows[s]; r++) {
                    int to = (row + r) * width;
                    tail[row + r] = fill(own, r, ids, logProbabilities, weights, to);
                    data[row + r] = own.columns().labelLogProbability()[r];
                    fillLogits(own, r, logits, to);
                }
            }
            row += rows[s];
        }
        Map<String, Column> columns = new HashMap<>();
        columns.put("teacher_ids", new Column.Longs(ids, width));
        columns.put("teacher_log_probs", new Column.Floats(logProbabilities, width));
        columns.put("teacher_weights", new Column.Floats(weights, width));
        columns.put("teacher_log_tail", new Column.Floats(tail, 1));
        columns.put("teacher_label_log_prob", new Column.Floats(data, 1));
        if (raw) {
            columns.put("teacher_logits", new Column.Floats(logits, width));
        }
        return columns;
    }

    private void fillLogits(Targets targets, int row, float[] logits, int to) {
        if (targets.columns().logits().length > 0) {
            int from = row * targets.columns().stride();
            for (int i = 0; i < targets.columns().counts()[row]; i++) {
                logits[to + i] = targets.columns().logits()[from + i] / temperature;
            }
        }
    }

    private float fill(Targets targets, int row, long[] ids, float[] logProbabilities, float[] weights, int to) {
        int from = row * targets.columns().stride();
        int count = targets.columns().counts()[row];
        double offset = 0;
        float tail = targets.columns().logTailMass()[row];
        if (temperature != 1f) {
            int place = row * targets.temperatures().size() + index(targets);
            tail = targets.columns().temperedLogTails()[place];
            double logMass = logMass(targets, row, targets.columns().temperatureOffsets()[place], tail);
            offset = targets.columns().temperatureOffsets()[place] - logMass;
            tail = (float) (tail - logMass);
        }
        for (int i = 0; i < count; i++) {
            ids[to + i] = targets.columns().ids()[from + i];
            double tempered = targets.columns().logProbabilities()[from + i] / (double) temperature + offset;
            logProbabilities[to + i] = (float) tempered;
            weights[to + i] = (float) Math.exp(tempered);
        }
        if (targets.columns().drawCounts().length > 0) {
            weighByDraws(targets, row, weights, to);
            return Float.NEGATIVE_INFINITY;
        }
        return tail;
    }

    /** Log of the sum of a row's kept and tail masses at the temperature. */
    private double logMass(Targets targets, int row, float offset, float tail) {
        int from = row * targets.columns().stride();
        double mass = Math.exp(tail);
        for (int i = from; i < from + targets.columns().counts()[row]; i++) {
            mass += Math.exp(targets.columns().logProbabilities()[i] / (double) temperature + offset);
        }
        return Math.log(mass);
    }

    /** Puts the shares of the draws in the place of the drawn entries' probabilities. */
    private static void weighByDraws(Targets targets, int row, float[] weights, int to) {
        int from = row * targets.columns().stride();
        int count = targets.columns().counts()[row];
        long draws = 0;
        boolean head = false;
        double outsideTheHead = Math.exp(targets.columns().logTailMass()[row]);
        for (int i = 0; i < count; i++) {
            int drawn = targets.columns().drawCounts()[from + i];
            draws += drawn;
            head |= drawn == 0;
            outsideTheHead += drawn == 0 ? 0 : weights[to + i];
        }
        double mass = head ? outsideTheHead : 1;
        for (int i = 0; i < count; i++) {
            int drawn = targets.columns().drawCounts()[from + i];
            if (drawn > 0) {
                weights[to + i] = (float) (mass * drawn / draws);
            }
        }
    }

    private int index(Targets targets) {
        int index = targets.temperatures().indexOf(temperature);
        if (index < 0) {
            throw new IllegalArgumentException("targets at temperatures " + targets.temperatures()
                    + " (expected: teacher_temperature=" + temperature + " among them)");
        }
        return index;
    }
}
