package dev.lyne.lm.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.NamedTensors;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A checked batch, laid out for the scripts: ids of one sequence after another, rows as indices into them, labels. */
final class BatchTensors {
    private final int longest;
    private final long[] lengths;
    private final long[] ids;
    private final long[] rows;
    private final long[] labels;
    private final Map<String, Column> columns;

    BatchTensors(TrainingBatch source, int vocabularySize, int contextLength) {
        List<int[]> sequences = source.sequences();
        if (sequences.isEmpty() || sequences.size() != source.positions().size()) {
            throw new IllegalArgumentException("batch: " + sequences.size() + " sequences, "
                    + source.positions().size() + " lists of positions (expected: as many of both, at least 1)");
        }
        this.longest =
                sequences.stream().mapToInt(tokens -> tokens.length).max().getAsInt();
        if (longest < 1 || longest > contextLength) {
            throw new IllegalArgumentException(
                    "longest sequence: " + longest + " tokens (expected: 1..context=" + contextLength + ")");
        }
        this.lengths = sequences.stream().mapToLong(tokens -> tokens.length).toArray();
        this.ids = new long[Math.toIntExact(Arrays.stream(lengths).sum())];
        int count = source.positions().stream()
                .mapToInt(positions -> positions.length)
                .sum();
        this.rows = new long[count];
        this.labels = new long[count];
        int row = 0;
        int begin = 0;
        for (int item = 0; item < sequences.size(); item++) {
            int[] tokens = sequences.get(item);
            for (int t = 0; t < tokens.length; t++) {
                requireId(item, t, tokens[t], vocabularySize);
                ids[begin + t] = tokens[t];
            }
            int previous = -1;
            for (int t : source.positions().get(item)) {
                if (t <= previous || t > tokens.length - 2) {
                    throw new IllegalArgumentException("sequence " + item + ", position " + t + " after " + previous
                            + " (expected: ascending, 0.." + (tokens.length - 2) + ")");
                }
                rows[row] = (long) begin + t;
                labels[row++] = tokens[t + 1];
                previous = t;
            }
            begin += tokens.length;
        }
        this.columns = new TreeMap<>(source.columns());
        columns.forEach((name, column) -> requireRows(name, column, count));
    }

    int rowCount() {
        return rows.length;
    }

    /** Token ids of all sequences, one after another. */
    NDArray ids(NDManager manager) {
        return manager.create(ids);
    }

    /** Lengths of the sequences. */
    NDArray lengths(NDManager manager) {
        return manager.create(lengths);
    }

    /** The greatest of them. */
    int longest() {
        return longest;
    }

    NDArray rows(NDManager manager) {
        return manager.create(rows);
    }

    NDArray labels(NDManager manager) {
        return manager.create(labels);
    }

    /** The caller's columns and {@code label}, by name. */
    NamedTensors columns(NDManager manager) {
        NamedTensors tensors = new NamedTensors("columns", manager);
        tensors.put("label", labels(manager));
        columns.forEach((name, column) -> tensors.put(name, tensor(manager, column)));
        return tensors;
    }

    private static NDArray tensor(NDManager manager, Column column) {
        if (column instanceof Column.Floats floats) {
            return manager.create(FloatBuffer.wrap(floats.values()), shape(floats.values().length, floats.width()));
        }
        Column.Longs longs = (Column.Longs) column;
        return manager.create(LongBuffer.wrap(longs.values()), shape(longs.values().length, longs.width()));
    }

    private static Shape shape(int size, int width) {
        return width == 1 ? new Shape(size) : new Shape(size / width, width);
    }

    private static void requireRows(String name, Column column, int rows) {
        int size = column instanceof Column.Floats floats
                ? floats.values().length
                : ((Column.Longs) column).values().length;
        if (name.equals("label") || name.contains(".")) {
            throw new IllegalArgumentException(
                    "column: " + name + " (expected: no dot, and not label, which the tokens give)");
        }
        if (column.width() < 1 || (long) rows * column.width() != size) {
            throw new IllegalArgumentException(
                    "column " + name + ": " + size + " values (expected: " + rows + " rows of " + column.width() + ")");
        }
    }

    private static void requireId(int item, int position, int id, int vocabularySize) {
        if (id < 0 || id >= vocabularySize) {
            throw new IllegalArgumentException("sequence " + item + ", position " + position + ": token " + id
                    + " (expected: 0.." + (vocabularySize - 1) + ")");
        }
    }
}
