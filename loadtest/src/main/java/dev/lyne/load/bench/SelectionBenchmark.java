package dev.lyne.load.bench;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** The forward with each kind of selection, against the forward with top-64: one batch of real text, rounds interleaved. */
public final class SelectionBenchmark {
    private static final String REFERENCE = "top-64";

    /**
     * Cost of a kind of selection: entries a row on average, and its time over that of top-64, the median of the
     * rounds' ratios.
     */
    public record Cost(String selection, double entriesPerPosition, double secondsOverTop64) {}

    /** Medians over the rounds. */
    public record Result(
            String device,
            int threads,
            int rounds,
            int positions,
            int vocabularySize,
            double top64PositionsPerSecond,
            List<Cost> selections) {}

    private record Run(double seconds, double entries) {}

    private final String device;
    private final int sequences;
    private final int rounds;
    private final Consumer<String> progress;

    /** @param sequences sequences of {@value CodecRows#POSITIONS} tokens in the batch */
    public SelectionBenchmark(String device, int sequences, int rounds, Consumer<String> progress) {
        if (sequences < 1 || rounds < 1) {
            throw new IllegalArgumentException(
                    "sequences, rounds: " + sequences + ", " + rounds + " (expected: at least 1 each)");
        }
        this.device = device;
        this.sequences = sequences;
        this.rounds = rounds;
        this.progress = progress;
    }

    /** Runs it on windows of a text file of {@code {"text": …}} lines. */
    public Result run(Path teacher, Path corpus) throws IOException {
        List<int[]> windows = CodecRows.windows(teacher, corpus);
        if (windows.size() < sequences) {
            throw new IllegalArgumentException(
                    "sequences: " + sequences + " (expected: at most the text's " + windows.size() + ")");
        }
        windows = windows.subList(0, sequences);
        int vocabularySize = CodecRows.vocabularySize(teacher);
        var options = new ModelOptions(device, ComputePrecision.FLOAT32, 0);
        try (var model = ScoringModel.load(teacher, options, ScoringOptions.of(vocabularySize))) {
            Map<String, RowContent> selections = selections(vocabularySize);
            Map<String, double[]> seconds = new LinkedHashMap<>();
            Map<String, Double> entries = new LinkedHashMap<>();
            for (int round = -1; round < rounds; round++) { // the first one warms up
                for (Map.Entry<String, RowContent> each : selections.entrySet()) {
                    Run run = score(model, windows, each.getValue(), vocabularySize);
                    entries.put(each.getKey(), run.entries);
                    if (round >= 0) {
                        seconds.computeIfAbsent(each.getKey(), unused -> new double[rounds])[round] = run.seconds;
                    }
                }
                progress.accept(round < 0 ? "warmed up" : "round " + (round + 1) + " of " + rounds);
            }
            double[] reference = seconds.getOrDefault(REFERENCE, new double[0]);
            List<Cost> costs = new ArrayList<>();
            seconds.forEach((name, each) ->
                    costs.add(new Cost(name, entries.getOrDefault(name, 0.0), Rounds.medianRatio(each, reference))));
            int positions = sequences * CodecRows.POSITIONS;
            return new Result(
                    model.fingerprint().device(),
                    model.fingerprint().threads(),
                    rounds,
                    positions,
                    vocabularySize,
                    positions / Rounds.median(reference),
                    costs);
        }
    }

    private static Map<String, RowContent> selections(int vocabularySize) {
        Map<String, RowContent> all = new LinkedHashMap<>();
        Selection top = new Selection.TopK(Math.min(64, vocabularySize), List.of());
        all.put(REFERENCE, RowContent.of(top));
        all.put("top-0.95-64", RowContent.of(new Selection.TopPK(0.95, Math.min(64, vocabularySize), 1, List.of())));
        for (int percent : new int[] {5, 20, 100}) {
            int k = (int) Math.ceil(vocabularySize * percent / 100.0);
            all.put("top " + percent + " % of the vocabulary", RowContent.topK(k));
        }
        all.put("50 draws", RowContent.of(new Selection.Draws(50, 0, 1, List.of())));
        all.put("1,000 draws", RowContent.of(new Selection.Draws(1_000, 0, 1, List.of())));
        all.put(
                "top-12 and 50 draws",
                RowContent.of(new Selection.Draws(50, Math.min(12, vocabularySize), 1, List.of())));
        all.put("64 chosen ids", RowContent.of(new Selection.Chosen(Math.min(64, vocabularySize), List.of())));
        all.put("label alone", RowContent.of(new Selection.LabelOnly(List.of())));
        all.put("top-64, 4 temperatures", new RowContent(top.withTemperatures(List.of(0.5f, 1.5f, 2f, 4f)), false));
        all.put("top-64, raw logits", new RowContent(top, true));
        return all;
    }

    private static Run score(ScoringModel model, List<int[]> windows, RowContent selection, int vocabularySize) {
        var random = new SplittableRandom(1);
        int[] positions = IntStream.range(0, CodecRows.POSITIONS).toArray();
        List<ScoreItem> items = windows.stream()
                .map(window -> new ScoreItem(window, positions, chosen(selection, random, vocabularySize)))
                .toList();
        long start = System.nanoTime();
        List<ScoreOutcome> outcomes = model.score(items, selection);
        double seconds = (System.nanoTime() - start) * 1e-9;
        double entries = 0;
        for (ScoreOutcome outcome : outcomes) {
            if (!(outcome instanceof ScoreOutcome.Scored scored)) {
                throw new IllegalStateException("the teacher could not score a window: " + outcome);
            }
            entries += Arrays.stream(scored.rows().counts()).average().orElse(0) / windows.size();
        }
        return new Run(seconds, entries);
    }

    private static int[][] chosen(RowContent selection, SplittableRandom random, int vocabularySize) {
        if (!(selection.selection() instanceof Selection.Chosen kept)) {
            return new int[0][];
        }
        return IntStream.range(0, CodecRows.POSITIONS)
                .mapToObj(position -> random.ints(0, vocabularySize)
                        .distinct()
                        .limit(kept.k())
                        .toArray())
                .toArray(int[][]::new);
    }
}
