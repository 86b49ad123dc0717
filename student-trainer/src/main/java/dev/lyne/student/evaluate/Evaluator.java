package dev.lyne.student.evaluate;

import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Evaluates a model on held-out windows, batch by batch; never holds more than a batch. */
public final class Evaluator {
    private Evaluator() {}

    /** Told how many windows are done. */
    public interface Progress {
        /** So far {@code done} of {@code total} windows. */
        void update(long done, long total);
    }

    /**
     * Evaluates every window.
     *
     * @param maxTokens most tokens in one forward, padding included; a window alone always fits
     * @throws IllegalStateException where the model's logits are not finite
     */
    public static Evaluation evaluate(
            BatchScorer model, Optional<ReferenceTeacher> teacher, Windows windows, int maxTokens, Progress progress)
            throws InterruptedException {
        Totals totals = new Totals(model, teacher.map(asked -> asked.over(windows)));
        List<Window> batch = new ArrayList<>();
        int longest = 0;
        for (long i = 0; i < windows.count(); i++) {
            Window window = windows.window(i);
            int length = Math.max(longest, window.tokens().length);
            if (!batch.isEmpty() && (long) length * (batch.size() + 1) > maxTokens) {
                totals.add(batch);
                progress.update(i, windows.count());
                batch.clear();
                length = window.tokens().length;
            }
            batch.add(window);
            longest = length;
        }
        totals.add(batch);
        progress.update(windows.count(), windows.count());
        return totals.result();
    }

    static List<RowColumns> score(BatchScorer model, List<Window> windows, RowContent selection) {
        return score(
                model,
                selection,
                windows.stream()
                        .map(window -> new ScoreItem(window.tokens(), window.positions()))
                        .toList());
    }

    private static List<RowColumns> score(BatchScorer model, RowContent selection, List<ScoreItem> items) {
        List<RowColumns> rows = new ArrayList<>();
        for (ScoreOutcome outcome : model.score(items, selection)) {
            if (outcome instanceof ScoreOutcome.Scored scored) {
                rows.add(scored.rows());
            } else if (outcome instanceof ScoreOutcome.NotFinite notFinite) {
                throw new IllegalStateException(
                        "the model's logits at position " + notFinite.position() + " of a window"
                                + " are not finite (expected: finite; weights that are NaN, infinite or too large?)");
            }
        }
        return rows;
    }

    /**
     * The divergence KL(t‖s) of each window's rows over the teacher's kept tokens and one bucket of all others, nats: a lower bound of that over
     * the vocabulary.
     *
     * @param answers the teacher's rows of these windows
     */
    static List<double[]> divergences(BatchScorer model, List<Window> windows, List<RowColumns> answers) {
        List<ScoreItem> items = new ArrayList<>();
        int widest = 1;
        for (int w = 0; w < windows.size(); w++) {
            RowColumns taught = answers.get(w);
            items.add(new ScoreItem(windows.get(w).tokens(), windows.get(w).positions(), kept(taught)));
            widest = Math.max(widest, Arrays.stream(taught.counts()).max().orElse(1));
        }
        List<RowColumns> chosen = score(model, RowContent.of(new Selection.Chosen(widest, List.of())), items);
        List<double[]> divergences = new ArrayList<>();
        for (int w = 0; w < windows.size(); w++) {
            RowColumns taught = answers.get(w);
            RowColumns own = chosen.get(w);
            divergences.add(IntStream.range(0, taught.rows())
                    .mapToDouble(row -> divergence(taught, own, row))
                    .toArray());
        }
        return divergences;
    }

    /** The tokens that each row keeps. */
    private static int[][] kept(RowColumns rows) {
        int[][] kept = new int[rows.rows()][];
        for (int row = 0; row < kept.length; row++) {
            kept[row] = Arrays.copyOfRange(rows.ids(), row * rows.stride(), row * rows.stride() + rows.counts()[row]);
        }
        return kept;
    }

    /** Log-probability of a token that a row keeps. */
    private static double logProbability(RowColumns rows, int row, int id) {
        for (int entry = row * rows.stride(); entry < row * rows.stride() + rows.counts()[row]; entry++) {
            if (rows.ids()[entry] == id) {
                return rows.logProbabilities()[entry];
            }
        }
        throw new IllegalArgumentException("row " + row + ": token " + id + " (expected: one that it keeps)");
    }

    /** KL of a row over the teacher's kept tokens and one bucket of all others. */
    private static double divergence(RowColumns taught, RowColumns own, int row) {
        double sum = 0;
        for (int entry = row * own.stride(); entry < row * own.stride() + own.counts()[row]; entry++) {
            double t = logProbability(taught, row, own.ids()[entry]);
            sum += Math.exp(t) * (t - own.logProbabilities()[entry]);
        }
        double tail = taught.logTailMass()[row];
        return tail == Double.NEGATIVE_INFINITY ? sum : sum + Math.exp(tail) * (tail - own.logTailMass()[row]);
    }

    /**
     * Expected calibration error of a model's most probable tokens against the tokens that windows really go on with.
     *
     * @param maxTokens most tokens in one forward, padding included; a window alone always fits
     */
    public static double calibrationError(BatchScorer model, List<Window> windows, int maxTokens) {
        Calibration calibration = new Calibration();
        for (List<Window> batch : batches(windows, maxTokens)) {
            List<RowColumns> rows = score(model, batch, RowContent.topK(1));
            for (int w = 0; w < batch.size(); w++) {
                calibrate(calibration, batch.get(w), rows.get(w));
            }
        }
        return calibration.error();
    }

    private static void calibrate(Calibration calibration, Window window, RowColumns rows) {
        for (int row = 0; row < rows.rows(); row++) {
            double probability = Math.exp(rows.logProbabilities()[row * rows.stride()]);
            calibration.add(probability, rows.top(row) == window.tokens()[window.positions()[row] + 1]);
        }
    }

    /** Returns these windows in their order, in batches of at most so many tokens, padding included. */
    static List<List<Window>> batches(List<Window> windows, int maxTokens) {
        List<List<Window>> batches = new ArrayList<>();
        List<Window> batch = new ArrayList<>();
        int longest = 0;
        for (Window window : windows) {
            longest = Math.max(longest, window.tokens().length);
            if (!batch.isEmpty() && (long) longest * (batch.size() + 1) > maxTokens) {
                batches.add(batch);
                batch = new ArrayList<>();
                longest = window.tokens().length;
            }
            batch.add(window);
        }
        if (!batch.isEmpty()) {
            batches.add(batch);
        }
        return batches;
    }

    /** Sums over batches. Owned by the evaluating thread. */
    private static final class Totals {
        private final BatchScorer model;
        private final Optional<ReferenceTeacher.Answers> teacher;
        private final Calibration calibration = new Calibration();
        private double nll;
        private long tokens;
        private long agreed;
        private double divergence;

        Totals(BatchScorer model, Optional<ReferenceTeacher.Answers> teacher) {
            this.model = model;
            this.teacher = teacher;
        }

        void add(List<Window> windows) throws InterruptedException {
            List<RowColumns> rows = score(model, windows, RowContent.topK(1));
            for (int w = 0; w < windows.size(); w++) {
                addWindow(windows.get(w), rows.get(w));
            }
            if (teacher.isPresent()) {
                compare(windows, rows, teacher.get().next(windows));
            }
        }

        private void compare(List<Window> windows, List<RowColumns> tops, List<RowColumns> answers) {
            List<double[]> divergences = divergences(model, windows, answers);
            for (int w = 0; w < windows.size(); w++) {
                for (int row = 0; row < answers.get(w).rows(); row++) {
                    agreed += tops.get(w).top(row) == answers.get(w).top(row) ? 1 : 0;
                    divergence += divergences.get(w)[row];
                }
            }
        }

        private void addWindow(Window window, RowColumns rows) {
            calibrate(calibration, window, rows);
            for (int row = 0; row < rows.rows(); row++) {
                nll -= rows.labelLogProbability()[row];
                tokens++;
            }
        }

        Evaluation result() {
            double mean = nll / tokens;
            return new Evaluation(
                    tokens,
                    mean,
                    Math.exp(mean),
                    calibration.accuracy(),
                    calibration.error(),
                    teacher.isPresent() ? (double) agreed / tokens : null,
                    teacher.isPresent() ? divergence / tokens : null);
        }
    }
}
