package dev.lyne.student.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.client.StreamStatistics;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherDescription;
import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.RowSource;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import dev.lyne.student.tokens.Document;
import dev.lyne.student.tokens.DocumentSource;
import dev.lyne.student.tokens.TextEncoder;
import dev.lyne.student.tokens.TokenStore;
import dev.lyne.student.tokens.Windows;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EvaluatorTest {
    @TempDir
    Path directory;

    /** Of "abab…" it always expects 'b' with probability 0.8: right half of the time, too sure by 0.3. */
    @Test
    void evaluate_knownModel_givesTheKnownFigures() throws Exception {
        Evaluation evaluation = Evaluator.evaluate(
                Bigrams.expecting('b'),
                Optional.of(ReferenceTeacher.of(Bigrams.expecting('c'), 1)),
                windows("ababababa"),
                8,
                (d, t) -> {});
        assertThat(evaluation.tokens()).isEqualTo(8);
        assertThat(evaluation.nll()).isEqualTo(-(4 * Math.log(0.8) + 4 * Math.log(0.1)) / 8, within(1e-6));
        assertThat(evaluation.perplexity()).isEqualTo(Math.exp(evaluation.nll()));
        assertThat(evaluation.accuracy()).isEqualTo(0.5);
        assertThat(evaluation.calibrationError()).isEqualTo(0.3, within(1e-6));
        assertThat(evaluation.teacherAgreement()).isZero();
        assertThat(evaluation.teacherKl()).isEqualTo(0.8 * Math.log(8) + 0.2 * Math.log(2 / 9.0), within(1e-6));
    }

    /** Every figure of random models on a random text, over all tokens at once in 64 bits. */
    @Test
    void evaluate_randomModels_givesTheFiguresOfThe64BitDefinitions() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int vocabulary = 5;
        Bigrams model = Bigrams.random(random, vocabulary);
        Bigrams teacher = Bigrams.random(random, vocabulary);
        String text = random.ints(400, 'a', 'a' + vocabulary)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        int n = text.length() - 1;
        double nll = 0;
        int hits = 0;
        int agreed = 0;
        double[] whole = new double[1];
        double[] cut = new double[1];
        double[] surplus = new double[15];
        for (int t = 0; t < n; t++) {
            int before = text.charAt(t);
            int top = model.order(before)[0];
            double confidence = model.of(before, top);
            boolean hit = top == text.charAt(t + 1);
            nll -= Math.log(model.of(before, text.charAt(t + 1)));
            hits += hit ? 1 : 0;
            agreed += top == teacher.order(before)[0] ? 1 : 0;
            surplus[Math.min(14, (int) (15 * (float) confidence))] += (hit ? 1 : 0) - confidence;
            double kept = 0;
            double own = 0;
            int rank = 0;
            for (int id : teacher.order(before)) {
                double term = teacher.of(before, id) * Math.log(teacher.of(before, id) / model.of(before, id));
                whole[0] += term / n;
                if (rank++ < 2) {
                    cut[0] += term / n;
                    kept += teacher.of(before, id);
                    own += model.of(before, id);
                }
            }
            cut[0] += (1 - kept) * Math.log((1 - kept) / (1 - own)) / n;
        }
        for (int k : new int[] {2, vocabulary}) {
            Evaluation evaluation = Evaluator.evaluate(
                    model, Optional.of(ReferenceTeacher.of(teacher, k)), windows(text), 8, (done, total) -> {});
            assertThat(evaluation.tokens()).isEqualTo(n);
            assertThat(evaluation.nll()).as("seed %d", seed).isEqualTo(nll / n, within(1e-6));
            assertThat(evaluation.perplexity()).isEqualTo(Math.exp(evaluation.nll()));
            assertThat(evaluation.accuracy()).isEqualTo((double) hits / n, within(1e-12));
            assertThat(evaluation.calibrationError())
                    .as("seed %d", seed)
                    .isEqualTo(Arrays.stream(surplus).map(Math::abs).sum() / n, within(1e-6));
            assertThat(evaluation.teacherAgreement()).isEqualTo((double) agreed / n, within(1e-12));
            assertThat(evaluation.teacherKl()).as("seed %d", seed).isEqualTo(k == 2 ? cut[0] : whole[0], within(2e-5));
        }
        assertThat(cut[0]).isLessThanOrEqualTo(whole[0] + 1e-12);
    }

    @Test
    void evaluate_againstItself_agreesAlways() throws Exception {
        Evaluation evaluation = Evaluator.evaluate(
                Bigrams.expecting('b'),
                Optional.of(ReferenceTeacher.of(Bigrams.expecting('b'), 3)),
                windows("abcabca"),
                100,
                (d, t) -> {});
        assertThat(evaluation.teacherAgreement()).isEqualTo(1.0);
    }

    @Test
    void evaluate_logitsThatAreNotFinite_saysWhereInWords() {
        BatchScorer model = new BatchScorer() {
            @Override
            public List<ScoreOutcome> score(List<ScoreItem> items, RowContent content) {
                return List.of(new ScoreOutcome.NotFinite(3));
            }

            @Override
            public void close() {}
        };
        assertThatThrownBy(() -> Evaluator.evaluate(model, Optional.empty(), windows("abab"), 100, (d, t) -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith(
                        "the model's logits at position 3 of a window are not finite (expected: finite");
    }

    @Test
    void evaluate_withoutATeacher_saysNothingOfAgreement() throws Exception {
        assertThat(Evaluator.evaluate(Bigrams.expecting('b'), Optional.empty(), windows("abab"), 100, (d, t) -> {})
                        .teacherAgreement())
                .isNull();
    }

    @Test
    void evaluate_againstAStream_asksAheadInOrderAndKeepsItFullWhileTheModelWorks() throws Exception {
        Windows windows = windows("abcabcabcabcabcabcabcabcabcabca");
        RecordingStream stream = new RecordingStream(4, 'b');
        List<Integer> pendingWhileScoring = new ArrayList<>();
        BatchScorer model = new BatchScorer() {
            @Override
            public List<ScoreOutcome> score(List<ScoreItem> items, RowContent selection) {
                pendingWhileScoring.add(stream.pending());
                return Bigrams.expecting('b').score(items, selection);
            }

            @Override
            public void close() {}
        };
        Evaluation evaluation =
                Evaluator.evaluate(model, Optional.of(ReferenceTeacher.of(stream)), windows, 8, (done, total) -> {});
        assertThat(evaluation.teacherAgreement()).isEqualTo(1.0);
        assertThat(windows.count()).isEqualTo(10);
        assertThat(pendingWhileScoring).containsExactly(4, 4, 4, 4, 4, 4, 4, 2, 2, 0);
        assertThat(stream.offered).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
    }

    @Test
    void error_perfectlyCalibrated_isZero() {
        Calibration calibration = new Calibration();
        for (int i = 0; i < 100; i++) {
            calibration.add(0.25, i % 4 == 0);
            calibration.add(1.0, true);
        }
        assertThat(calibration.error()).isZero();
        assertThat(calibration.accuracy()).isEqualTo(0.625);
    }

    private Windows windows(String text) throws IOException {
        DocumentSource source = new DocumentSource() {
            @Override
            public byte[] sha256() {
                return Arrays.copyOf(text.getBytes(java.nio.charset.StandardCharsets.UTF_8), 32);
            }

            @Override
            public long totalBytes() {
                return 1;
            }

            @Override
            public void read(Sink sink) throws IOException {
                sink.accept(new Document("d", "", text), 1);
            }
        };
        TextEncoder encoder = new TextEncoder() {
            @Override
            public int[] encode(String encoded) {
                return encoded.codePoints().toArray();
            }

            @Override
            public OptionalInt bosId() {
                return OptionalInt.empty();
            }

            @Override
            public OptionalInt eosId() {
                return OptionalInt.empty();
            }

            @Override
            public byte[] digest() {
                return new byte[32];
            }
        };
        return new Windows(TokenStore.open(directory, source, encoder, 1, (done, total) -> {}), 4);
    }

    /** A stream with a window of so many sequences, which always finds the same token most probable. */
    private static final class RecordingStream implements TargetStream {
        private final int capacity;
        private final int token;
        private final ArrayDeque<TargetSequence> pending = new ArrayDeque<>();
        final List<Long> offered = new ArrayList<>();

        RecordingStream(int capacity, int token) {
            this.capacity = capacity;
            this.token = token;
        }

        @Override
        public boolean offer(TargetSequence sequence) {
            if (pending.size() == capacity) {
                return false;
            }
            offered.add(sequence.id());
            return pending.add(sequence);
        }

        @Override
        public Targets take() {
            TargetSequence sequence = pending.remove();
            int rows = sequence.positions().length;
            int[] ids = new int[rows];
            int[] counts = new int[rows];
            Arrays.fill(ids, token);
            Arrays.fill(counts, 1);
            return new Targets(
                    sequence,
                    new RowColumns(1, counts, ids, new float[rows], new float[rows], new float[rows]),
                    Map.of(RowSource.COMPUTED, rows),
                    1L);
        }

        @Override
        public int pending() {
            return pending.size();
        }

        @Override
        public void askAgain(TargetSequence sequence) {
            throw new AssertionError("nothing failed");
        }

        @Override
        public TeacherDescription teacher() {
            throw new AssertionError("nobody asked before");
        }

        @Override
        public StreamStatistics statistics() {
            throw new AssertionError("nobody asked before");
        }

        @Override
        public void close() {
            pending.clear();
        }
    }

    /** The distribution over tokens 'a' and on, by the token before. */
    private record Bigrams(double[][] table) implements BatchScorer {
        static Bigrams random(Random random, int tokens) {
            double[][] table = new double[tokens][tokens];
            for (double[] row : table) {
                Arrays.setAll(row, i -> Math.exp(3 * random.nextGaussian()));
                double sum = Arrays.stream(row).sum();
                Arrays.setAll(row, i -> row[i] / sum);
            }
            return new Bigrams(table);
        }

        /** Gives one of 'a' to 'c' a probability of 0.8 wherever it is, and each other 0.1. */
        static Bigrams expecting(int token) {
            double[] row = {0.1, 0.1, 0.1};
            row[token - 'a'] = 0.8;
            return new Bigrams(new double[][] {row, row, row});
        }

        double of(int before, int token) {
            return table[before - 'a'][token - 'a'];
        }

        /** Tokens in descending order of probability. */
        int[] order(int before) {
            return IntStream.range('a', 'a' + table.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(token -> -of(before, token)))
                    .mapToInt(Integer::intValue)
                    .toArray();
        }

        @Override
        public List<ScoreOutcome> score(List<ScoreItem> items, RowContent selection) {
            return items.stream()
                    .<ScoreOutcome>map(
                            item -> new ScoreOutcome.Scored(item.positions(), rows(item, selection.selection())))
                    .toList();
        }

        private RowColumns rows(ScoreItem item, Selection kept) {
            int n = item.positions().length;
            int stride = kept.mostEntries(table.length);
            int[] ids = new int[n * stride];
            int[] counts = new int[n];
            float[] logProbabilities = new float[n * stride];
            float[] tails = new float[n];
            float[] data = new float[n];
            for (int row = 0; row < n; row++) {
                int before = item.tokens()[item.positions()[row]];
                int[] own =
                        kept instanceof Selection.Chosen ? item.chosen()[row] : Arrays.copyOf(order(before), stride);
                counts[row] = own.length;
                double rest = 1;
                for (int entry = 0; entry < own.length; entry++) {
                    ids[row * stride + entry] = own[entry];
                    logProbabilities[row * stride + entry] = (float) Math.log(of(before, own[entry]));
                    rest -= of(before, own[entry]);
                }
                tails[row] = own.length == table.length ? Float.NEGATIVE_INFINITY : (float) Math.log(rest);
                data[row] = (float) Math.log(of(before, item.tokens()[item.positions()[row] + 1]));
            }
            return new RowColumns(stride, counts, ids, logProbabilities, tails, data);
        }

        @Override
        public void close() {}
    }
}
