package dev.lyne.student.client;

import dev.lyne.wire.BlockEncoder;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import dev.lyne.wire.RowColumns;
import dev.lyne.wire.Selection;
import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** A made-up language model: each row is a softmax of random logits that the tokens up to its position decide. */
record FakeRows(int vocabularySize, long seed) {
    /** The selected rows of a sequence, as a teacher would compute them. */
    RowColumns columns(int[] tokens, int[] positions, Selection selection) {
        int stride = selection.mostEntries(vocabularySize);
        int rows = positions.length;
        int temperatures = selection.temperatures().size();
        RowColumns columns = new RowColumns(
                stride,
                new int[rows],
                new int[rows * stride],
                new float[rows * stride],
                new float[rows],
                new float[rows],
                new float[rows * temperatures]);
        for (int row = 0; row < rows; row++) {
            fill(columns, row, tokens, positions[row], selection);
        }
        return columns;
    }

    /** The block of positions[from..to). */
    byte[] block(int[] tokens, int[] positions, int from, int to, BlockIdentity identity) {
        int[] wanted = Arrays.copyOfRange(positions, from, to);
        BlockHeader header = new BlockHeader(
                identity.vocabularySize(),
                identity.selection(),
                identity.teacherDigest(),
                identity.fingerprintDigest(),
                Digests.rows(tokens, positions, from, to),
                wanted);
        return BlockEncoder.encode(header, columns(tokens, wanted, identity.selection()), 0);
    }

    private void fill(RowColumns columns, int row, int[] tokens, int position, Selection selection) {
        double[] logProbabilities = logProbabilities(tokens, position);
        int[] order = IntStream.range(0, vocabularySize)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> -logProbabilities[id])
                        .thenComparing(id -> id))
                .mapToInt(Integer::intValue)
                .toArray();
        double p = selection instanceof Selection.TopPK rule ? rule.p() : 2;
        double kept = 0;
        int count = 0;
        while (count < selection.mostEntries(vocabularySize) && kept < p - 1e-12) {
            int at = row * columns.stride() + count;
            columns.ids()[at] = order[count];
            columns.logProbabilities()[at] = (float) logProbabilities[order[count]];
            kept += Math.exp(logProbabilities[order[count]]);
            count++;
        }
        columns.counts()[row] = count;
        double tail = Arrays.stream(order, count, order.length)
                .mapToDouble(id -> Math.exp(logProbabilities[id]))
                .sum();
        columns.logTailMass()[row] = (float) Math.log(tail);
        columns.dataLogProbability()[row] =
                position + 1 < tokens.length ? (float) logProbabilities[tokens[position + 1]] : Float.NaN;
        for (int i = 0; i < selection.temperatures().size(); i++) {
            float temperature = selection.temperatures().get(i);
            columns.temperatureOffsets()[row * selection.temperatures().size() + i] = (float)
                    -Math.log(Arrays.stream(logProbabilities)
                            .map(lp -> Math.exp(lp / temperature))
                            .sum());
        }
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
