package dev.lyne.lm.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Expected row in 64 bits, computed in the plainest way: every selection from logits, tokens and a position. */
final class ExpectedRow {
    final int[] ids;
    final int[] drawCounts;

    /** Of all ids. */
    final double[] logProbabilities;

    private final double[] logits;
    private final double logTail;
    private final int[] outside;

    private ExpectedRow(double[] logits, int[] ids, int[] drawCounts, int[] outside) {
        this.logits = logits;
        this.logProbabilities = LogRows.logSoftmax(logits);
        this.ids = ids;
        this.drawCounts = drawCounts;
        this.outside = outside;
        this.logTail = LogRows.logSumExp(
                Arrays.stream(outside).mapToDouble(id -> logProbabilities[id]).toArray());
    }

    /** The row of a position; {@code index} says where among the item's positions it stands. */
    static ExpectedRow of(double[] logits, RowContent selection, ScoreItem item, int index) {
        double[] expected = LogRows.logSoftmax(logits);
        int[] order = LogRows.order(expected);
        if (selection.selection().keepsPrefix()) {
            int count = LogRows.count(expected, order, selection.selection().rule(logits.length));
            return new ExpectedRow(
                    logits,
                    Arrays.copyOf(order, count),
                    new int[count],
                    Arrays.copyOfRange(order, count, order.length));
        }
        if (selection.selection() instanceof Selection.Draws draws) {
            int[] tail = Arrays.copyOfRange(order, draws.head(), order.length);
            Map<Integer, Integer> drawn = drawn(expected, tail, draws, item.tokens(), item.positions()[index]);
            int[] kept = Arrays.stream(order)
                    .filter(id -> drawn.containsKey(id) || Arrays.stream(tail).noneMatch(other -> other == id))
                    .toArray();
            int[] outside =
                    Arrays.stream(tail).filter(id -> !drawn.containsKey(id)).toArray();
            return new ExpectedRow(
                    logits,
                    kept,
                    Arrays.stream(kept).map(id -> drawn.getOrDefault(id, 0)).toArray(),
                    outside);
        }
        int[] named = selection.selection() instanceof Selection.Chosen ? item.chosen()[index] : new int[0];
        int[] kept = Arrays.stream(order)
                .filter(id -> Arrays.stream(named).anyMatch(other -> other == id))
                .toArray();
        int[] outside = Arrays.stream(order)
                .filter(id -> Arrays.stream(named).noneMatch(other -> other == id))
                .toArray();
        return new ExpectedRow(logits, kept, new int[kept.length], outside);
    }

    /** How often each id of the tail is drawn. */
    private static Map<Integer, Integer> drawn(
            double[] logProbabilities, int[] tail, Selection.Draws draws, int[] tokens, int position) {
        Map<Integer, Integer> counts = new TreeMap<>();
        int[] ascending = IntStream.of(tail).sorted().toArray();
        double total = Arrays.stream(ascending)
                .mapToDouble(id -> Math.exp(logProbabilities[id]))
                .sum();
        long[] key = key(tokens, position, draws.seed());
        for (int draw = 0; tail.length > 0 && draw < draws.draws(); draw++) {
            double height = uniform(key, draw) * total;
            int at = 0;
            for (double below = Math.exp(logProbabilities[ascending[0]]); below <= height; ) {
                below += Math.exp(logProbabilities[ascending[++at]]);
            }
            counts.merge(ascending[at], 1, Integer::sum);
        }
        return counts;
    }

    /** The documented key, hashed anew from the first token on. */
    static long[] key(int[] tokens, int position, long seed) {
        try {
            ByteBuffer prefix = ByteBuffer.allocate(4 * (position + 1)).order(ByteOrder.LITTLE_ENDIAN);
            IntStream.rangeClosed(0, position).forEach(t -> prefix.putInt(tokens[t]));
            ByteBuffer all = ByteBuffer.allocate(44).order(ByteOrder.LITTLE_ENDIAN);
            all.putLong(seed)
                    .put(MessageDigest.getInstance("SHA-256").digest(prefix.array()))
                    .putInt(position);
            ByteBuffer key = ByteBuffer.wrap(
                            MessageDigest.getInstance("SHA-256").digest(all.array()))
                    .order(ByteOrder.LITTLE_ENDIAN);
            return new long[] {key.getLong(), key.getLong()};
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The documented uniform number of a draw. */
    static double uniform(long[] key, int draw) {
        return (mix(mix(key[0] + draw * 0x9E3779B97F4A7C15L) ^ key[1]) >>> 11) * 0x1p-53;
    }

    private static long mix(long x) {
        x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }

    /** Asserts that a row says this, ids and counts exactly. */
    void check(RowColumns rows, int row, RowContent selection, String where) {
        int from = row * rows.stride();
        assertThat(Arrays.copyOfRange(rows.ids(), from, from + rows.counts()[row]))
                .as(where)
                .containsExactly(ids);
        for (int entry = 0; entry < ids.length; entry++) {
            assertThat((double) rows.logProbabilities()[from + entry])
                    .as(where)
                    .isCloseTo(logProbabilities[ids[entry]], within(3e-5));
        }
        if (logTail == Double.NEGATIVE_INFINITY) {
            assertThat(rows.logTailMass()[row]).as(where).isEqualTo(Float.NEGATIVE_INFINITY);
        } else if (ids.length == 0) {
            assertThat(rows.logTailMass()[row]).as(where).isZero();
        } else {
            assertThat((double) rows.logTailMass()[row]).as(where).isCloseTo(logTail, within(5e-5));
        }
        if (selection.selection() instanceof Selection.Draws) {
            assertThat(Arrays.copyOfRange(rows.drawCounts(), from, from + ids.length))
                    .as(where)
                    .containsExactly(drawCounts);
        } else {
            assertThat(rows.drawCounts()).as(where).isEmpty();
        }
        checkOffsets(rows, row, selection, where);
        checkLogits(rows, row, selection, where);
    }

    private void checkOffsets(RowColumns rows, int row, RowContent selection, String where) {
        int temperatures = selection.selection().temperatures().size();
        assertThat(rows.temperatureOffsets()).as(where).hasSize(rows.rows() * temperatures);
        for (int i = 0; i < temperatures; i++) {
            float temperature = selection.selection().temperatures().get(i);
            assertThat((double) rows.temperatureOffsets()[row * temperatures + i])
                    .as("temperature %s, %s", temperature, where)
                    .isCloseTo(LogRows.temperatureOffset(logProbabilities, temperature), within(1e-4));
            double offset = LogRows.temperatureOffset(logProbabilities, temperature);
            double tail = LogRows.logSumExp(Arrays.stream(outside)
                    .mapToDouble(id -> logProbabilities[id] / temperature + offset)
                    .toArray());
            float found = rows.temperedLogTails()[row * temperatures + i];
            if (outside.length == 0) {
                assertThat(found).as(where).isEqualTo(Float.NEGATIVE_INFINITY);
            } else {
                assertThat((double) found)
                        .as("tail at temperature %s, %s", temperature, where)
                        .isCloseTo(tail, within(1e-4));
            }
        }
    }

    private void checkLogits(RowColumns rows, int row, RowContent selection, String where) {
        if (!selection.rawLogits()) {
            assertThat(rows.logits()).as(where).isEmpty();
            assertThat(rows.logSumExp()).as(where).isEmpty();
            return;
        }
        assertThat((double) rows.logSumExp()[row]).as(where).isCloseTo(LogRows.logSumExp(logits), within(5e-5));
        for (int entry = 0; entry < ids.length; entry++) {
            assertThat((double) rows.logits()[row * rows.stride() + entry])
                    .as(where)
                    .isCloseTo(logits[ids[entry]], within(5e-5));
        }
    }
}
