package dev.lyne.load.bench;

import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import dev.lyne.wire.BlockHeader;
import dev.lyne.wire.Digests;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.json.JsonMapper;

/** Rows to measure the codec on, in blocks of {@value #POSITIONS} positions. */
final class CodecRows {
    static final int POSITIONS = 256;

    /** The vocabulary of the worst case: that of a large multilingual tokenizer. */
    static final int WORST_VOCABULARY = 151_936;

    private static final double WORST_DEVIATION = 3;

    private CodecRows() {}

    /** Windows of a text file of {@code {"text": …}} lines, {@value #POSITIONS} tokens and one more, spread over the file. */
    static List<int[]> windows(Path teacher, Path corpus) throws IOException {
        List<int[]> windows = new ArrayList<>();
        try (Tokenizer tokenizer = Tokenizer.load(teacher);
                var lines = new BufferedReader(new InputStreamReader(
                        new GZIPInputStream(Files.newInputStream(corpus)), StandardCharsets.UTF_8))) {
            JsonMapper json = new JsonMapper();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                int[] tokens = tokenizer.encode(json.readTree(line).path("text").asString());
                for (int at = 0; at + POSITIONS < tokens.length; at += POSITIONS) {
                    windows.add(Arrays.copyOfRange(tokens, at, at + POSITIONS + 1));
                }
            }
        }
        Collections.shuffle(windows, new Random(1));
        return windows;
    }

    /** Top-k rows of a teacher on windows of a text file. */
    static List<RowColumns> ofTeacher(Path teacher, Path corpus, int k, int blocks) throws IOException {
        List<int[]> windows = windows(teacher, corpus);
        int vocabularySize = vocabularySize(teacher);
        List<RowColumns> rows = new ArrayList<>();
        int[] positions = IntStream.range(0, POSITIONS).toArray();
        var options = new ModelOptions("cpu", ComputePrecision.FLOAT32, 0);
        try (var model = ScoringModel.load(teacher, options, ScoringOptions.of(vocabularySize))) {
            for (int[] window : windows.subList(0, Math.min(blocks, windows.size()))) {
                List<ScoreOutcome> outcomes =
                        model.score(List.of(new ScoreItem(window, positions)), RowContent.topK(k));
                if (!(outcomes.get(0) instanceof ScoreOutcome.Scored scored)) {
                    throw new IllegalStateException("the teacher could not score a window: " + outcomes.get(0));
                }
                rows.add(scored.rows());
            }
        }
        return rows;
    }

    /** Vocabulary size of a teacher's tokenizer. */
    static int vocabularySize(Path teacher) {
        try (Tokenizer tokenizer = Tokenizer.load(teacher)) {
            return tokenizer.vocabularySize();
        }
    }

    /** Returns a block of the k most probable of independent normal logits, under ids that are uniform. */
    static RowColumns worst(int k, long seed) {
        var random = new SplittableRandom(seed);
        RowColumns columns = new RowColumns(
                k,
                new int[POSITIONS],
                new int[POSITIONS * k],
                new float[POSITIONS * k],
                new float[POSITIONS],
                new float[POSITIONS]);
        Arrays.fill(columns.counts(), k);
        double[] logits = new double[WORST_VOCABULARY];
        for (int row = 0; row < POSITIONS; row++) {
            double sum = 0;
            for (int id = 0; id < logits.length; id++) {
                logits[id] = WORST_DEVIATION * random.nextGaussian();
                sum += Math.exp(logits[id]);
            }
            double logSumExp = Math.log(sum);
            columns.labelLogProbability()[row] = (float) (logits[0] - logSumExp);
            Arrays.sort(logits);
            int[] ids = random.ints(0, WORST_VOCABULARY).distinct().limit(k).toArray();
            double kept = 0;
            for (int i = 0; i < k; i++) {
                double logProbability = logits[logits.length - 1 - i] - logSumExp;
                columns.ids()[row * k + i] = ids[i];
                columns.logProbabilities()[row * k + i] = (float) logProbability;
                kept += Math.exp(logProbability);
            }
            columns.logTailMass()[row] = (float) Math.log1p(-kept);
        }
        return columns;
    }

    /** A header for such a block; its digests are of nothing, and as long as real ones. */
    static BlockHeader header(int vocabularySize, int k, Precision precision) {
        return new BlockHeader(
                vocabularySize,
                new Selection.TopK(k, List.of()),
                precision,
                false,
                new byte[BlockHeader.TEACHER_DIGEST_BYTES],
                new byte[Digests.SHORT_BYTES],
                new byte[Digests.SHORT_BYTES],
                IntStream.range(0, POSITIONS).toArray());
    }
}
