package dev.lyne.lm.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.NamedTensors;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A checked batch, laid out for the scripts: padded ids, rows as indices into the padded positions, labels. */
final class BatchTensors {
    private final int batch;
    private final int length;
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
        this.batch = sequences.size();
        this.length = sequences.stream().mapToInt(tokens -> tokens.length).max().getAsInt();
        if (length < 1 || length > contextLength) {
            throw new IllegalArgumentException(
                    "longest sequence: " + length + " tokens (expected: 1..context=" + contextLength + ")");
        }
        this.ids = new long[Math.multiplyExact(batch, length)];
        int count = source.positions().stream()
                .mapToInt(positions -> positions.length)
                .sum();
        this.rows = new long[count];
        this.labels = new long[count];
        int row = 0;
        for (int item = 0; item < batch; item++) {
            int[] tokens = sequences.get(item);
            for (int t = 0; t < tokens.length; t++) {
                requireId(item, t, tokens[t], vocabularySize);
                ids[item * length + t] = tokens[t];
            }
            int previous = -1;
            for (int t : source.positions().get(item)) {
                if (t <= previous || t > tokens.length - 2) {
                    throw new IllegalArgumentException("sequence " + item + ", position " + t + " after " + previous
                            + " (expected: ascending, 0.." + (tokens.length - 2) + ")");
                }
                rows[row] = (long) item * length + t;
                labels[row++] = tokens[t + 1];
                previous = t;
            }
        }
        this.columns = new TreeMap<>(source.columns());
        columns.forEach((name, column) -> requireRows(name, column, count));
    }

    int rowCount() {
        return rows.length;
    }

    /** Token ids, zeros past a sequence's end. {@code [batch, length]} */
    NDArray ids(NDManager manager) {
        return manager.create(LongBuffer.wrap(ids), new Shape(batch, length));
    }

    int length() {
        return length;
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
