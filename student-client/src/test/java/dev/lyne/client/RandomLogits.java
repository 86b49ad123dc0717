package dev.lyne.client;

import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** A made-up language model: each row is a softmax of random logits that the tokens up to its position decide. */
record RandomLogits(int vocabularySize, long seed) {
    private static final double LOG_SUM_EXP = 3.25;

    /** The selected rows of a sequence, as a teacher would compute them. */
    RowColumns columns(TargetSequence sequence, Selection selection) {
        return columns(sequence.tokens(), sequence.positions(), sequence.chosen(), selection);
    }

    RowColumns columns(int[] tokens, int[] positions, int[][] chosen, Selection selection) {
        int stride = Math.max(1, selection.mostEntries(vocabularySize));
        int rows = positions.length;
        int temperatures = selection.temperatures().size();
        RowColumns columns = new RowColumns(
                stride,
                new int[rows],
                new int[rows * stride],
                new float[rows * stride],
                new float[rows],
                new float[rows],
                new float[rows * temperatures],
                new float[rows * temperatures],
                new int[selection instanceof Selection.Draws ? rows * stride : 0],
                new float[rows * stride],
                new float[rows]);
        for (int row = 0; row < rows; row++) {
            fill(columns, row, tokens, positions[row], chosen.length == 0 ? new int[0] : chosen[row], selection);
        }
        return columns;
    }

    /** The block of the sequence's positions[from..to). */
    byte[] block(TargetSequence sequence, int from, int to, BlockIdentity identity) {
        int[] wanted = Arrays.copyOfRange(sequence.positions(), from, to);
        int[][] chosen =
                sequence.chosen().length == 0 ? sequence.chosen() : Arrays.copyOfRange(sequence.chosen(), from, to);
        BlockHeader header = new BlockHeader(
                identity.vocabularySize(),
                identity.selection(),
                identity.precision(),
                identity.rawLogits(),
                identity.teacherDigest(),
                identity.fingerprintDigest(),
                Digests.rows(sequence.tokens(), sequence.positions(), from, to),
                wanted);
        return BlockEncoder.encode(header, columns(sequence.tokens(), wanted, chosen, identity.selection()), 0);
    }

    private void fill(RowColumns columns, int row, int[] tokens, int position, int[] chosen, Selection selection) {
        double[] logProbabilities = logProbabilities(tokens, position);
        int[] order = IntStream.range(0, vocabularySize)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> -logProbabilities[id])
                        .thenComparing(id -> id))
                .mapToInt(Integer::intValue)
                .toArray();
        int[] draws = new int[vocabularySize];
        boolean[] kept = kept(order, logProbabilities, draws, chosen, selection, position);
        int count = 0;
        double tail = 0;
        for (int id : order) {
            if (!kept[id]) {
                tail += Math.exp(logProbabilities[id]);
                continue;
            }
            int at = row * columns.stride() + count++;
            columns.ids()[at] = id;
            columns.logProbabilities()[at] = (float) logProbabilities[id];
            columns.logits()[at] = (float) (logProbabilities[id] + LOG_SUM_EXP);
            if (columns.drawCounts().length > 0) {
                columns.drawCounts()[at] = draws[id];
            }
        }
        columns.counts()[row] = count;
        columns.logSumExp()[row] = (float) LOG_SUM_EXP;
        columns.logTailMass()[row] = (float) Math.log(tail);
        columns.labelLogProbability()[row] =
                position + 1 < tokens.length ? (float) logProbabilities[tokens[position + 1]] : Float.NaN;
        for (int i = 0; i < selection.temperatures().size(); i++) {
            float temperature = selection.temperatures().get(i);
            double offset = -Math.log(Arrays.stream(logProbabilities)
                    .map(lp -> Math.exp(lp / temperature))
                    .sum());
            double outside = 0;
            for (int id : order) {
                outside += kept[id] ? 0 : Math.exp(logProbabilities[id] / temperature + offset);
            }
            int at = row * selection.temperatures().size() + i;
            columns.temperatureOffsets()[at] = (float) offset;
            columns.temperedLogTails()[at] = (float) Math.log(outside);
        }
    }

    private boolean[] kept(
            int[] order, double[] logProbabilities, int[] draws, int[] chosen, Selection selection, int position) {
        boolean[] kept = new boolean[vocabularySize];
        if (selection instanceof Selection.Chosen) {
            Arrays.stream(chosen).forEach(id -> kept[id] = true);
        } else if (selection instanceof Selection.Draws rule) {
            Arrays.stream(order, 0, rule.head()).forEach(id -> kept[id] = true);
            boolean[] head = kept.clone();
            SplittableRandom random = new SplittableRandom(rule.seed() * 31 + position);
            for (int left = rule.draws(); left > 0; ) {
                int id = draw(random.nextDouble(), logProbabilities);
                if (!head[id]) {
                    draws[id]++;
                    kept[id] = true;
                    left--;
                }
            }
        } else {
            double p = selection instanceof Selection.TopPK rule ? rule.p() : 2;
            double mass = 0;
            for (int i = 0; i < selection.mostEntries(vocabularySize) && mass < p - 1e-12; i++) {
                kept[order[i]] = true;
                mass += Math.exp(logProbabilities[order[i]]);
            }
        }
        return kept;
    }

    private static int draw(double uniform, double[] logProbabilities) {
        double mass = 0;
        int id = -1;
        while (mass <= uniform && id < logProbabilities.length - 1) {
            mass += Math.exp(logProbabilities[++id]);
        }
        return id;
    }

    private double[] logProbabilities(int[] tokens, int position) {
        long hash = seed;
        for (int t = 0; t <= position; t++) {
            hash = hash * 6_364_136_223_846_793_005L + tokens[t] + 1;
        }
        SplittableRandom random = new SplittableRandom(hash);
        double[] logits = new double[vocabularySize];
        Arrays.setAll(logits, id -> 6 * random.nextDouble());
        double logSum = Math.log(Arrays.stream(logits).map(Math::exp).sum());
        return Arrays.stream(logits).map(logit -> logit - logSum).toArray();
    }
}
