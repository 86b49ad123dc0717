package dev.lyne.teacher.synthetic;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import java.util.Arrays;

/**
 * The rows of a synthetic teacher. A row is a pure function of the seed and of the tokens up to its position: their hash picks how
 * sharp the row is, and which token has which rank. Ids are spread evenly over the vocabulary, which no real teacher does, so that
 * coding them costs the most that it can. Not safe for several threads.
 */
final class SyntheticRows {
    private static final int LAWS = 16;
    private static final double FLATTEST = 1.05;
    private static final double SHARPEST = 3.2;

    private final int vocabularySize;
    private final long seed;
    private final RankLaw[] laws = new RankLaw[LAWS];

    SyntheticRows(int vocabularySize, long seed) {
        this.vocabularySize = vocabularySize;
        this.seed = seed;
        for (int i = 0; i < LAWS; i++) {
            laws[i] = new RankLaw(FLATTEST + (SHARPEST - FLATTEST) * i / (LAWS - 1), vocabularySize);
        }
    }

    /** Parts that a row is drawn from. */
    record Row(RankLaw law, Permutation tokens, long hash) {}

    /** The rows of one item. */
    RowColumns of(ScoreItem item, RowContent content) {
        int[] positions = item.positions();
        int rows = positions.length;
        int stride = content.selection().mostEntries(vocabularySize);
        boolean draws = content.selection().keepsDraws();
        int entries = Math.multiplyExact(rows, stride);
        var columns = new RowColumns(
                stride,
                new int[rows],
                new int[entries],
                new float[entries],
                new float[rows],
                new float[rows],
                new float[rows * content.selection().temperatures().size()],
                new float[rows * content.selection().temperatures().size()],
                new int[draws ? entries : 0],
                new float[content.rawLogits() ? entries : 0],
                new float[content.rawLogits() ? rows : 0]);
        long hash = Hashing.mix(seed);
        int hashed = 0;
        for (int r = 0; r < rows; r++) {
            for (; hashed <= positions[r]; hashed++) {
                hash = Hashing.mix(hash, item.tokens()[hashed]);
            }
            fill(columns, r, row(hash), item, content);
        }
        return columns;
    }

    private Row row(long hash) {
        return new Row(laws[(int) (hash >>> 60)], new Permutation(vocabularySize, hash), hash);
    }

    private void fill(RowColumns columns, int r, Row row, ScoreItem item, RowContent content) {
        int position = item.positions()[r];
        RankLaw law = row.law();
        columns.labelLogProbability()[r] = position + 1 == item.tokens().length
                ? Float.NaN
                : law.logProbability(row.tokens().rank(item.tokens()[position + 1]));
        columns.logTailMass()[r] = keep(columns, r, row, item, content.selection());
        for (int i = 0; i < content.selection().temperatures().size(); i++) {
            float temperature = content.selection().temperatures().get(i);
            int at = r * content.selection().temperatures().size() + i;
            columns.temperatureOffsets()[at] = law.offset(temperature);
            columns.temperedLogTails()[at] =
                    temperedTail(columns, r, row, temperature, columns.temperatureOffsets()[at]);
        }
        if (content.rawLogits()) {
            columns.logSumExp()[r] = 8 + 8 * (float) Hashing.uniform(Hashing.mix(row.hash(), 1));
            for (int at = r * columns.stride(); at < r * columns.stride() + columns.counts()[r]; at++) {
                columns.logits()[at] = columns.logProbabilities()[at] + columns.logSumExp()[r];
            }
        }
    }

    /** Log of the mass at a temperature of all ranks but those of the row's entries. */
    private float temperedTail(RowColumns columns, int r, Row row, float temperature, float offset) {
        int from = r * columns.stride();
        int count = columns.counts()[r];
        int[] ranks = new int[count];
        for (int i = 0; i < count; i++) {
            ranks[i] = row.tokens().rank(columns.ids()[from + i]);
        }
        Arrays.sort(ranks);
        double mass = 0;
        int first = 0;
        for (int i = 0; i <= count; i++) {
            int end = i < count ? ranks[i] : vocabularySize;
            mass += row.law().mass(first, end, temperature);
            first = end + 1;
        }
        return count == vocabularySize ? Float.NEGATIVE_INFINITY : (float) Math.min(0, Math.log(mass));
    }

    /** Fills the entries; gives the log of the mass not kept. */
    private float keep(RowColumns columns, int r, Row row, ScoreItem item, Selection kept) {
        if (kept.keepsPrefix()) {
            Selection.Rule rule = kept.rule(vocabularySize);
            int count = rule.p() == 1
                    ? columns.stride()
                    : Math.min(columns.stride(), row.law().prefix(rule.p(), rule.temperature()));
            for (int rank = 0; rank < count; rank++) {
                put(columns, r, row, rank);
            }
            return row.law().logTailMass(count);
        } else if (kept instanceof Selection.Draws draws) {
            return draw(columns, r, row, draws);
        } else if (kept instanceof Selection.Chosen) {
            int[] ranks = Arrays.stream(item.chosen()[r])
                    .map(row.tokens()::rank)
                    .sorted()
                    .toArray();
            double mass = 0;
            for (int rank : ranks) {
                put(columns, r, row, rank);
                mass += row.law().probability(rank);
            }
            boolean everything = ranks.length == vocabularySize;
            return everything ? Float.NEGATIVE_INFINITY : logOfRest(mass);
        }
        return 0;
    }

    private float draw(RowColumns columns, int r, Row row, Selection.Draws draws) {
        int[] ranks = new int[draws.head() == vocabularySize ? 0 : draws.draws()];
        long key = Hashing.mix(row.hash(), draws.seed());
        for (int j = 0; j < ranks.length; j++) {
            ranks[j] = row.law().draw(draws.head(), Hashing.uniform(Hashing.mix(key, j)));
        }
        Arrays.sort(ranks);
        for (int rank = 0; rank < draws.head(); rank++) {
            put(columns, r, row, rank);
        }
        double mass = 0;
        for (int j = 0; j < ranks.length; j++) {
            if (j == 0 || ranks[j] != ranks[j - 1]) {
                put(columns, r, row, ranks[j]);
                mass += row.law().probability(ranks[j]);
            }
            columns.drawCounts()[r * columns.stride() + columns.counts()[r] - 1]++;
        }
        for (int rank = 0; rank < draws.head(); rank++) {
            mass += row.law().probability(rank);
        }
        boolean everything = columns.counts()[r] == vocabularySize;
        return everything ? Float.NEGATIVE_INFINITY : logOfRest(mass);
    }

    /** log(1 − mass), and 0 of no mass rather than −0, which no block carries. */
    private static float logOfRest(double mass) {
        return mass == 0 ? 0 : (float) Math.log1p(-Math.min(mass, 1 - 1e-12));
    }

    private static void put(RowColumns columns, int r, Row row, int rank) {
        int at = r * columns.stride() + columns.counts()[r]++;
        columns.ids()[at] = row.tokens().token(rank);
        columns.logProbabilities()[at] = row.law().logProbability(rank);
    }
}
