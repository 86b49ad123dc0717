package dev.lyne.teacher.model;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Distributions without a model: the id of rank r is r steps after an id that the tokens so far decide, and its probability falls
 * as a power of the rank that they decide, too. So everything about a row is known exactly.
 */
final class PowerLawRows {
    private static final int SHAPES = 8;
    private static final float LOG_SUM_EXP = 5;

    private final int vocabularySize;

    /** Log-probabilities by rank, of each shape. */
    private final float[][] byRank = new float[SHAPES][];

    /** Mass of the ranks from one on, of each shape. */
    private final double[][] from = new double[SHAPES][];

    PowerLawRows(int vocabularySize) {
        this.vocabularySize = vocabularySize;
        for (int shape = 0; shape < SHAPES; shape++) {
            double exponent = 0.7 + 0.2 * shape;
            double total = 0;
            for (int rank = 0; rank < vocabularySize; rank++) {
                total += Math.pow(rank + 1, -exponent);
            }
            byRank[shape] = new float[vocabularySize];
            from[shape] = new double[vocabularySize + 1];
            for (int rank = vocabularySize - 1; rank >= 0; rank--) {
                byRank[shape][rank] = (float) -(exponent * Math.log(rank + 1) + Math.log(total));
                from[shape][rank] = from[shape][rank + 1] + Math.exp(byRank[shape][rank]);
            }
        }
    }

    /** A row: ranks of its entries, ascending, and how often each was drawn. */
    private record Row(int shape, int first, int[] ranks, int[] drawn, double tail) {}

    RowColumns of(ScoreItem item, RowContent selection) {
        int rows = item.positions().length;
        Row[] all = new Row[rows];
        int stride = 1;
        for (int row = 0; row < rows; row++) {
            all[row] = row(item, row, selection.selection());
            stride = Math.max(stride, all[row].ranks().length);
        }
        boolean draws = selection.selection().keepsDraws();
        int temperatures = selection.selection().temperatures().size();
        RowColumns columns = new RowColumns(
                stride,
                Arrays.stream(all).mapToInt(row -> row.ranks().length).toArray(),
                new int[rows * stride],
                new float[rows * stride],
                new float[rows],
                new float[rows],
                new float[rows * temperatures],
                new float[rows * temperatures],
                new int[draws ? rows * stride : 0],
                new float[selection.rawLogits() ? rows * stride : 0],
                new float[selection.rawLogits() ? rows : 0]);
        for (int row = 0; row < rows; row++) {
            fill(columns, row, all[row], item);
            for (int i = 0; i < temperatures; i++) {
                columns.temperatureOffsets()[row * temperatures + i] = offset(
                        all[row].shape(), selection.selection().temperatures().get(i));
                columns.temperedLogTails()[row * temperatures + i] = temperedTail(
                        all[row], selection.selection().temperatures().get(i));
            }
        }
        return columns;
    }

    private Row row(ScoreItem item, int row, Selection kept) {
        int position = item.positions()[row];
        int hash = Arrays.hashCode(Arrays.copyOf(item.tokens(), position + 1)) & Integer.MAX_VALUE;
        int shape = hash / vocabularySize % SHAPES;
        int first = hash % vocabularySize;
        if (kept.keepsPrefix()) {
            int count = prefix(shape, kept.rule(vocabularySize));
            return new Row(shape, first, ranks(count), new int[0], from[shape][count]);
        } else if (kept instanceof Selection.Draws draws) {
            return drawn(shape, first, hash, draws);
        } else if (kept instanceof Selection.Chosen) {
            int[] ranks = Arrays.stream(item.chosen()[row])
                    .map(id -> rank(id, first))
                    .sorted()
                    .toArray();
            return new Row(shape, first, ranks, new int[0], 1 - mass(shape, ranks));
        }
        return new Row(shape, first, new int[0], new int[0], 1);
    }

    private int prefix(int shape, Selection.Rule top) {
        if (top.p() == 1) {
            return top.k();
        }
        double mass = 0;
        int count = 0;
        while (count < top.k() && mass < top.p() - 1e-12) {
            mass += Math.exp(byRank[shape][count++]);
        }
        return count;
    }

    private Row drawn(int shape, int first, int hash, Selection.Draws draws) {
        SplittableRandom random = new SplittableRandom(draws.seed() * 31 + hash);
        Map<Integer, Integer> counts = new TreeMap<>();
        for (int rank = 0; rank < draws.head(); rank++) {
            counts.put(rank, 0);
        }
        for (int draw = 0; draw < draws.draws(); draw++) {
            double left = random.nextDouble() * from[shape][draws.head()];
            int rank = draws.head();
            while (rank < vocabularySize - 1 && from[shape][draws.head()] - from[shape][rank + 1] < left) {
                rank++;
            }
            counts.merge(rank, 1, Integer::sum);
        }
        int[] ranks = counts.keySet().stream().mapToInt(rank -> rank).toArray();
        int[] often = counts.values().stream().mapToInt(count -> count).toArray();
        return new Row(shape, first, ranks, often, 1 - mass(shape, ranks));
    }

    private double mass(int shape, int[] ranks) {
        return Arrays.stream(ranks)
                .mapToDouble(rank -> Math.exp(byRank[shape][rank]))
                .sum();
    }

    private void fill(RowColumns columns, int to, Row row, ScoreItem item) {
        for (int i = 0; i < row.ranks().length; i++) {
            int at = to * columns.stride() + i;
            columns.ids()[at] = (row.first() + row.ranks()[i]) % vocabularySize;
            columns.logProbabilities()[at] = byRank[row.shape()][row.ranks()[i]];
            if (columns.drawCounts().length > 0) {
                columns.drawCounts()[at] = row.drawn()[i];
            }
            if (columns.logits().length > 0) {
                columns.logits()[at] = columns.logProbabilities()[at] + LOG_SUM_EXP;
                columns.logSumExp()[to] = LOG_SUM_EXP;
            }
        }
        columns.logTailMass()[to] = (float) Math.log(Math.max(0, row.tail()));
        int next = item.positions()[to] + 1;
        columns.labelLogProbability()[to] =
                next < item.tokens().length ? byRank[row.shape()][rank(item.tokens()[next], row.first())] : Float.NaN;
    }

    private int rank(int id, int first) {
        return Math.floorMod(id - first, vocabularySize);
    }

    private float offset(int shape, float temperature) {
        double sum = 0;
        for (float value : byRank[shape]) {
            sum += Math.exp(value / temperature);
        }
        return (float) -Math.log(sum);
    }

    private float temperedTail(Row row, float temperature) {
        if (row.ranks().length == 0) {
            return 0;
        }
        boolean[] kept = new boolean[vocabularySize];
        Arrays.stream(row.ranks()).forEach(rank -> kept[rank] = true);
        double offset = offset(row.shape(), temperature);
        double sum = 0;
        for (int rank = 0; rank < vocabularySize; rank++) {
            sum += kept[rank] ? 0 : Math.exp(byRank[row.shape()][rank] / temperature + offset);
        }
        return (float) Math.log(sum);
    }

    private static int[] ranks(int count) {
        int[] ranks = new int[count];
        Arrays.setAll(ranks, rank -> rank);
        return ranks;
    }
}
