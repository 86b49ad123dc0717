package dev.lyne.load.bench;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.load.process.Home;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * A teacher's rows on a device, in each precision, against its rows on the CPU in float32: the log-probabilities of the same ids, the 64
 * most probable ones of the reference, and of the label, on windows of held-out text.
 */
public final class ParityBenchmark {
    private static final int K = 64;

    /** Nats within which float32 is the same forward (docs/gpu.md). */
    private static final double FLOAT32_BOUND = 1e-4;

    /** Nats within which the rounding of a half precision's weights and products stays, of entries that carry mass. */
    private static final double HALF_BOUND = 0.3;

    /** Mass from which on an entry's difference is judged: a rounded product moves what is hardly ever said by more. */
    private static final float LEAST_LOG_PROBABILITY = (float) Math.log(1e-3);

    /**
     * The figures.
     *
     * @param positions rows compared
     */
    public record Result(String teacherDirectory, String device, int positions, List<Line> results) {
        /** Whether each precision kept its bound. */
        public boolean isKept() {
            return results.stream().allMatch(line -> line.maxDifferenceNats() <= line.boundNats());
        }
    }

    /**
     * One precision.
     *
     * @param maxDifferenceNats largest difference of a log-probability above log 0.001, kept or a label's
     * @param meanDifferenceNats mean of those differences
     * @param sameArgmax share of rows whose most probable id is the same
     */
    public record Line(
            String precision,
            double maxDifferenceNats,
            double boundNats,
            double meanDifferenceNats,
            double sameArgmax) {}

    private final String device;
    private final Consumer<String> progress;

    public ParityBenchmark(String device, Consumer<String> progress) {
        this.device = device;
        this.progress = progress;
    }

    /**
     * Runs it.
     *
     * @param sequences windows of 256 positions
     * @throws IllegalStateException if a row is not finite
     */
    public Result run(Path teacher, int sequences, List<ComputePrecision> precisions) throws IOException {
        if (sequences < 1) {
            throw new IllegalArgumentException("--sequences: " + sequences + " (expected: at least 1)");
        }
        List<int[]> windows = CodecRows.windows(teacher, Home.heldOut());
        windows = windows.subList(0, Math.min(sequences, windows.size()));
        int[] positions = IntStream.range(0, CodecRows.POSITIONS).toArray();
        var scoring = ScoringOptions.of(CodecRows.vocabularySize(teacher));
        List<RowColumns> reference = new ArrayList<>();
        List<ScoreItem> items = new ArrayList<>();
        try (var model = ScoringModel.load(teacher, new ModelOptions("cpu", ComputePrecision.FLOAT32, 0), scoring)) {
            for (int[] window : windows) {
                RowColumns rows = rows(model, new ScoreItem(window, positions), RowContent.topK(K));
                reference.add(rows);
                items.add(new ScoreItem(window, positions, ids(rows)));
            }
        }
        List<Line> lines = new ArrayList<>();
        for (ComputePrecision precision : precisions) {
            try (var model = ScoringModel.load(teacher, new ModelOptions(device, precision, 0), scoring)) {
                lines.add(line(model, precision, items, reference));
            }
        }
        return new Result(teacher.toString(), device, items.size() * CodecRows.POSITIONS, lines);
    }

    private Line line(
            ScoringModel model, ComputePrecision precision, List<ScoreItem> items, List<RowColumns> reference) {
        var chosen = RowContent.of(new Selection.Chosen(K, List.of()));
        double largest = 0;
        double sum = 0;
        long compared = 0;
        long same = 0;
        long rows = 0;
        for (int i = 0; i < items.size(); i++) {
            RowColumns expected = reference.get(i);
            RowColumns found = rows(model, items.get(i), chosen);
            for (int row = 0; row < expected.rows(); row++) {
                float[] differences = differences(expected, found, row);
                for (float difference : differences) {
                    largest = Math.max(largest, difference);
                    sum += difference;
                }
                compared += differences.length;
                same += expected.ids()[row * expected.stride()] == found.ids()[row * found.stride()] ? 1 : 0;
            }
            rows += expected.rows();
        }
        double bound = precision == ComputePrecision.FLOAT32 ? FLOAT32_BOUND : HALF_BOUND;
        var line = new Line(precision.torchName(), largest, bound, sum / compared, (double) same / rows);
        progress.accept(String.format(
                "%s, %s: at most %.2g nats apart (expected: at most %.2g), %.2g in the mean, argmax equal in %.4f of %d rows",
                device, line.precision(), largest, bound, line.meanDifferenceNats(), line.sameArgmax(), rows));
        return line;
    }

    /** Returns the differences of a row's entries that carry mass, by id, and of its label. */
    private static float[] differences(RowColumns expected, RowColumns found, int row) {
        int from = row * expected.stride();
        int other = row * found.stride();
        int[] order = IntStream.range(0, found.counts()[row])
                .boxed()
                .sorted((a, b) -> Integer.compare(found.ids()[other + a], found.ids()[other + b]))
                .mapToInt(Integer::intValue)
                .toArray();
        int[] ids = Arrays.stream(order).map(i -> found.ids()[other + i]).toArray();
        float[] differences = new float[expected.counts()[row] + 1];
        int count = 0;
        for (int i = 0; i < expected.counts()[row]; i++) {
            float logProbability = expected.logProbabilities()[from + i];
            if (logProbability >= LEAST_LOG_PROBABILITY) {
                int at = Arrays.binarySearch(ids, expected.ids()[from + i]);
                if (at < 0) {
                    throw new IllegalStateException("id " + expected.ids()[from + i] + " did not come back");
                }
                differences[count++] = Math.abs(logProbability - found.logProbabilities()[other + order[at]]);
            }
        }
        float label = expected.labelLogProbability()[row];
        if (label >= LEAST_LOG_PROBABILITY) {
            differences[count++] = Math.abs(label - found.labelLogProbability()[row]);
        }
        return Arrays.copyOf(differences, count);
    }

    private static RowColumns rows(ScoringModel model, ScoreItem item, RowContent content) {
        if (model.score(List.of(item), content).get(0) instanceof ScoreOutcome.Scored scored) {
            return scored.rows();
        }
        throw new IllegalStateException("a row is not finite (expected: finite logits of held-out text)");
    }

    private static int[][] ids(RowColumns rows) {
        int[][] ids = new int[rows.rows()][];
        Arrays.setAll(
                ids,
                row -> Arrays.copyOfRange(rows.ids(), row * rows.stride(), row * rows.stride() + rows.counts()[row]));
        return ids;
    }
}
