package dev.lyne.teacher.engine;

import dev.lyne.row.DrawKeys;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import java.util.Arrays;

/**
 * Cuts distributions over the whole vocabulary to what rows are to hold, which the k best alone do not tell: draws, chosen ids, a prefix by
 * the mass at another temperature, offsets of temperatures, and logits. By the rules of a model's own rows (docs/architecture.md), in 64
 * bits. Logits are the log-probabilities themselves, with a log-sum-exp of 0: a model's own differ from them by one number a row, of which no
 * distribution depends. Not safe for several threads.
 */
final class WholeRow {
    private static final double REACHED = 1e-12;

    private final ScoreItem item;
    private final RowContent content;
    private final Selection.Rule rule;
    private final int vocabularySize;

    /** Two numbers a position where there are draws. */
    private final long[] keys;

    /** Place of each id in the order of probability. */
    private final int[] rank;

    /** Places that the row keeps, ascending, and how often each was drawn. */
    private final int[] kept;

    private final int[] counts;
    private int keeps;

    WholeRow(ScoreItem item, RowContent content, int vocabularySize) {
        this.item = item;
        this.content = content;
        this.rule = content.selection().rule(vocabularySize);
        this.vocabularySize = vocabularySize;
        this.keys = content.selection() instanceof Selection.Draws draws
                ? DrawKeys.of(item.tokens(), item.positions(), draws.seed())
                : new long[0];
        this.rank = new int[vocabularySize];
        this.kept = new int[vocabularySize];
        this.counts = new int[vocabularySize];
    }

    /** Whether rows hold what the k best with their log-probabilities at temperature 1 do not tell. */
    static boolean isNeeded(RowContent content) {
        Selection selection = content.selection();
        boolean byRank = selection.keepsPrefix() || selection instanceof Selection.LabelOnly;
        return content.rawLogits()
                || !selection.temperatures().isEmpty()
                || !byRank
                || selection.computed() instanceof Selection.TopPK;
    }

    /** Columns with room for the rows. */
    RowColumns columns() {
        int rows = item.positions().length;
        int stride = content.selection().mostEntries(vocabularySize);
        int entries = Math.multiplyExact(rows, stride);
        int offsets = rows * content.selection().temperatures().size();
        return new RowColumns(
                stride,
                new int[rows],
                new int[entries],
                new float[entries],
                new float[rows],
                new float[rows],
                new float[offsets],
                new float[offsets],
                new int[content.selection().keepsDraws() ? entries : 0],
                new float[content.rawLogits() ? entries : 0],
                new float[content.rawLogits() ? rows : 0]);
    }

    /**
     * Fills a row, all but its label's log-probability.
     *
     * @param ids of the whole vocabulary, by descending probability, ties to the lower id
     * @param logProbabilities theirs
     */
    void fill(RowColumns rows, int row, int[] ids, float[] logProbabilities) {
        for (int place = 0; place < vocabularySize; place++) {
            rank[ids[place]] = place;
        }
        Arrays.fill(counts, 0);
        keep(row, logProbabilities);
        rows.counts()[row] = keeps;
        for (int i = 0; i < keeps; i++) {
            int at = row * rows.stride() + i;
            rows.ids()[at] = ids[kept[i]];
            rows.logProbabilities()[at] = logProbabilities[kept[i]];
            if (rows.drawCounts().length > 0) {
                rows.drawCounts()[at] = counts[kept[i]];
            }
            if (content.rawLogits()) {
                rows.logits()[at] = logProbabilities[kept[i]];
            }
        }
        rows.logTailMass()[row] = keeps == 0 ? 0 : (float) Math.min(0, logMassOfTheRest(logProbabilities, 1));
        int temperatures = content.selection().temperatures().size();
        for (int i = 0; i < temperatures; i++) {
            float temperature = content.selection().temperatures().get(i);
            double offset = temperature == 1 ? 0 : -logMassOfAll(logProbabilities, temperature);
            rows.temperatureOffsets()[row * temperatures + i] = (float) offset;
            rows.temperedLogTails()[row * temperatures + i] =
                    (float) Math.min(0, logMassOfTheRest(logProbabilities, temperature) + offset);
        }
    }

    private void keep(int row, float[] logProbabilities) {
        keeps = 0;
        if (content.selection() instanceof Selection.Chosen) {
            for (int id : item.chosen()[row]) {
                kept[keeps++] = rank[id];
            }
            Arrays.sort(kept, 0, keeps);
            return;
        }
        int count = rule.p() < 1 ? prefix(logProbabilities) : rule.k();
        for (int place = 0; place < count; place++) {
            kept[keeps++] = place;
        }
        if (rule.draws() > 0 && count < vocabularySize) {
            draw(row, count, logProbabilities);
            for (int place = count; place < vocabularySize; place++) {
                if (counts[place] > 0) {
                    kept[keeps++] = place;
                }
            }
        }
    }

    /** The smallest number of places whose mass at the rule's temperature reaches p, at most k. */
    private int prefix(float[] logProbabilities) {
        double all = logMassOfAll(logProbabilities, rule.temperature());
        double reached = 0;
        int count = 0;
        do {
            reached += Math.exp(logProbabilities[count++] / (double) rule.temperature() - all);
        } while (count < rule.k() && reached < rule.p() - REACHED);
        return count;
    }

    /** Counts independent draws from the ids behind the head, by cumulative mass in order of id. */
    private void draw(int row, int head, float[] logProbabilities) {
        double[] heights = new double[rule.draws()];
        double all = 0;
        for (int id = 0; id < vocabularySize; id++) {
            all += rank[id] < head ? 0 : Math.exp(logProbabilities[rank[id]]);
        }
        for (int i = 0; i < heights.length; i++) {
            heights[i] = DrawKeys.uniform(keys, row, i) * all;
        }
        Arrays.sort(heights);
        int next = 0;
        double cumulative = 0;
        int last = -1;
        for (int id = 0; id < vocabularySize && next < heights.length; id++) {
            if (rank[id] < head) {
                continue;
            }
            last = rank[id];
            cumulative += Math.exp(logProbabilities[last]);
            for (; next < heights.length && heights[next] < cumulative; next++) {
                counts[last]++;
            }
        }
        counts[last] += heights.length - next; // which rounding has left over, if any
    }

    private double logMassOfAll(float[] logProbabilities, double temperature) {
        double greatest = logProbabilities[0] / temperature;
        double sum = 0;
        for (float logProbability : logProbabilities) {
            sum += Math.exp(logProbability / temperature - greatest);
        }
        return greatest + Math.log(sum);
    }

    /**
     * Returns the log of the mass that is not kept, relative to its own greatest, so that a small rest is not lost; −∞
     * where everything is kept.
     */
    private double logMassOfTheRest(float[] logProbabilities, double temperature) {
        double greatest = Double.NaN;
        double sum = 0;
        int next = 0;
        for (int place = 0; place < vocabularySize; place++) {
            if (next < keeps && kept[next] == place) {
                next++;
                continue;
            }
            double scaled = logProbabilities[place] / temperature;
            greatest = Double.isNaN(greatest) ? scaled : greatest;
            sum += Math.exp(scaled - greatest);
        }
        return Double.isNaN(greatest) ? Double.NEGATIVE_INFINITY : greatest + Math.log(sum);
    }
}
