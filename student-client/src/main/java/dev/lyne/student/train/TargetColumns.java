package dev.lyne.student.train;

import dev.lyne.lm.training.Column;
import dev.lyne.student.client.Targets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Targets as columns of a training batch: {@code teacher_ids}, {@code teacher_log_probs} and {@code teacher_weights}, all
 * `[rows, k]`, and {@code teacher_log_tail} `[rows]`, at the teacher's temperature τ. Kept log-probabilities become lp/τ + c_τ and
 * weights their exponentials; the tail becomes log(1 − Σ_K exp(lp/τ + c_τ)). Beside them {@code teacher_data_log_prob} `[rows]` at
 * temperature 1, and where rows carry raw logits {@code teacher_logits} `[rows, k]`, over τ.
 *
 * <p>Of N draws, c on an entry give it the weight c/N, beside an exact head t_R·c/N, where t_R is the mass outside the head; draws
 * stand for the whole tail, so there is none left (random sampling KD, arXiv 2503.16870). They are taken at temperature 1.
 *
 * <p>That difference is all rounding where hardly any mass is left, so it is held between two bounds that need no subtraction.
 * With m = V − K tail entries of total mass M at τ = 1, Σ p^(1/τ) lies between M^(1/τ), all mass on one entry, and
 * m·(M/m)^(1/τ), all entries equal (Jensen's inequality; which one is the larger depends on the side of 1 that τ is on).
 *
 * @param temperature τ of the teacher's distribution
 * @param vocabularySize V
 */
record TargetColumns(float temperature, int vocabularySize) {
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
        int width = targets.stream()
                .flatMap(Optional::stream)
                .mapToInt(Targets::stride)
                .max()
                .orElse(1);
        int total = Arrays.stream(rows).sum();
        long[] ids = new long[total * width];
        float[] logProbabilities = new float[total * width];
        float[] weights = new float[total * width];
        float[] tail = new float[total];
        float[] data = new float[total];
        boolean raw = targets.stream().flatMap(Optional::stream).anyMatch(own -> own.logits().length > 0);
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
                    data[row + r] = own.dataLogProbability()[r];
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
        columns.put("teacher_data_log_prob", new Column.Floats(data, 1));
        if (raw) {
            columns.put("teacher_logits", new Column.Floats(logits, width));
        }
        return columns;
    }

    private void fillLogits(Targets targets, int row, float[] logits, int to) {
        if (targets.logits().length > 0) {
            int from = row * targets.stride();
            for (int i = 0; i < targets.counts()[row]; i++) {
                logits[to + i] = targets.logits()[from + i] / temperature;
            }
        }
    }

    private float fill(Targets targets, int row, long[] ids, float[] logProbabilities, float[] weights, int to) {
        int from = row * targets.stride();
        int count = targets.counts()[row];
        double offset = offset(targets, row);
        double kept = 0;
        for (int i = 0; i < count; i++) {
            ids[to + i] = targets.ids()[from + i];
            double tempered = targets.logProbabilities()[from + i] / (double) temperature + offset;
            double probability = Math.exp(tempered);
            logProbabilities[to + i] = (float) tempered;
            weights[to + i] = (float) probability;
            kept += probability;
        }
        if (targets.drawCounts().length > 0) {
            weighByDraws(targets, row, weights, to);
            return Float.NEGATIVE_INFINITY;
        }
        float tail = targets.logTailMass()[row];
        if (temperature == 1f || tail == Float.NEGATIVE_INFINITY) {
            return tail;
        }
        double one = tail / (double) temperature + offset;
        double equal = one + (1 - 1 / (double) temperature) * Math.log(Math.max(1, vocabularySize - count));
        double difference = Math.log(Math.max(1 - kept, 0));
        return (float) Math.max(Math.min(one, equal), Math.min(Math.max(one, equal), difference));
    }

    /** Puts the shares of the draws in the place of the drawn entries' probabilities. */
    private static void weighByDraws(Targets targets, int row, float[] weights, int to) {
        int from = row * targets.stride();
        int count = targets.counts()[row];
        long draws = 0;
        boolean head = false;
        double outsideTheHead = Math.exp(targets.logTailMass()[row]);
        for (int i = 0; i < count; i++) {
            int drawn = targets.drawCounts()[from + i];
            draws += drawn;
            head |= drawn == 0;
            outsideTheHead += drawn == 0 ? 0 : weights[to + i];
        }
        double mass = head ? outsideTheHead : 1;
        for (int i = 0; i < count; i++) {
            int drawn = targets.drawCounts()[from + i];
            if (drawn > 0) {
                weights[to + i] = (float) (mass * drawn / draws);
            }
        }
    }

    private double offset(Targets targets, int row) {
        if (temperature == 1f) {
            return 0;
        }
        int index = targets.temperatures().indexOf(temperature);
        if (index < 0) {
            throw new IllegalArgumentException("targets at temperatures " + targets.temperatures()
                    + " (expected: teacher_temperature=" + temperature + " among them)");
        }
        return targets.temperatureOffsets()[row * targets.temperatures().size() + index];
    }
}
