package dev.lyne.wire;

import dev.lyne.row.RowColumns;
import dev.lyne.row.Selection;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/** Random but well-formed rows for tests. */
final class Blocks {
    record Sample(BlockHeader header, RowColumns columns) {
        byte[] encode() {
            return BlockEncoder.encode(header, columns, 0);
        }
    }

    private Blocks() {}

    static Sample random(RandomGenerator random) {
        int vocabulary = random.nextInt(1, 5_000);
        int k = random.nextInt(1, Math.min(vocabulary, 80) + 1);
        List<Float> temperatures = List.of(0.5f, 2f).subList(0, random.nextInt(3));
        Selection selection = random.nextBoolean()
                ? new Selection.TopK(k, temperatures)
                : new Selection.TopPK(0.95, k, 1f, temperatures);
        int[] positions =
                random.ints(random.nextInt(1, 40), 0, 1_000).sorted().distinct().toArray();
        int rows = positions.length;
        int[] counts = new int[rows];
        Arrays.setAll(counts, row -> selection instanceof Selection.TopK ? k : random.nextInt(1, k + 1));
        int[] ids = new int[rows * k];
        float[] logProbabilities = floats(random, rows * k);
        for (int row = 0; row < rows; row++) {
            int[] distinct = random.ints(0, vocabulary).distinct().limit(k).toArray();
            System.arraycopy(distinct, 0, ids, row * k, k);
            Arrays.sort(logProbabilities, row * k, (row + 1) * k);
            for (int i = row * k, j = (row + 1) * k - 1; i < j; i++, j--) {
                float least = logProbabilities[i];
                logProbabilities[i] = logProbabilities[j];
                logProbabilities[j] = least;
            }
        }
        float[] tails = floats(random, rows);
        tails[0] = Float.NEGATIVE_INFINITY;
        float[] data = floats(random, rows);
        if (random.nextBoolean()) {
            data[rows - 1] = Float.NaN;
        }
        var columns = new RowColumns(
                k,
                counts,
                ids,
                logProbabilities,
                tails,
                data,
                floats(random, rows * temperatures.size()),
                floats(random, rows * temperatures.size()),
                new int[0],
                new float[0],
                new float[0]);
        return new Sample(
                new BlockHeader(
                        vocabulary, selection, bytes(random, 32), bytes(random, 16), bytes(random, 16), positions),
                columns);
    }

    private static float[] floats(RandomGenerator random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = -20f * (1 - random.nextFloat());
        }
        return values;
    }

    private static byte[] bytes(RandomGenerator random, int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }
}
