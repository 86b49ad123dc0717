package dev.lyne.student.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.lm.scoring.BatchScorer;
import dev.lyne.lm.scoring.RowSelection;
import dev.lyne.lm.scoring.ScoreItem;
import dev.lyne.lm.scoring.ScoreOutcome;
import dev.lyne.lm.scoring.SelectedRows;
import dev.lyne.student.client.RowSource;
import dev.lyne.student.client.StreamStatistics;
import dev.lyne.student.client.TargetSequence;
import dev.lyne.student.client.TargetStream;
import dev.lyne.student.client.Targets;
import dev.lyne.student.client.TeacherDescription;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EvaluatorTest {
    @TempDir
    Path directory;

    /** Of "abab…" it always expects 'b' with probability 0.8: right half of the time, too sure by 0.3. */
    @Test
    void evaluate_knownModel_givesTheKnownFigures() throws Exception {
        Evaluation evaluation = Evaluator.evaluate(
                new Expects('b'), Optional.of(Teacher.of(new Expects('c'))), windows("ababababa"), 8, (d, t) -> {});
        assertThat(evaluation.tokens()).isEqualTo(8);
        assertThat(evaluation.nll()).isEqualTo(-(4 * Math.log(0.8) + 4 * Math.log(0.1)) / 8, within(1e-6));
        assertThat(evaluation.perplexity()).isEqualTo(Math.exp(evaluation.nll()));
        assertThat(evaluation.accuracy()).isEqualTo(0.5);
        assertThat(evaluation.calibrationError()).isEqualTo(0.3, within(1e-6));
        assertThat(evaluation.teacherAgreement()).isZero();
    }

    @Test
    void evaluate_againstItself_agreesAlways() throws Exception {
        Evaluation evaluation = Evaluator.evaluate(
                new Expects('b'), Optional.of(Teacher.of(new Expects('b'))), windows("abcabca"), 100, (d, t) -> {});
        assertThat(evaluation.teacherAgreement()).isEqualTo(1.0);
    }

    @Test
    void evaluate_withoutATeacher_saysNothingOfAgreement() throws Exception {
        assertThat(Evaluator.evaluate(new Expects('b'), Optional.empty(), windows("abab"), 100, (d, t) -> {})
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
            public List<ScoreOutcome> score(List<ScoreItem> items, RowSelection selection) {
                pendingWhileScoring.add(stream.pending());
                return new Expects('b').score(items, selection);
            }

            @Override
            public void close() {}
        };
        Evaluation evaluation =
                Evaluator.evaluate(model, Optional.of(Teacher.of(stream)), windows, 8, (done, total) -> {});
        assertThat(evaluation.teacherAgreement()).isEqualTo(1.0);
        assertThat(windows.count()).isEqualTo(10);
        assertThat(pendingWhileScoring).containsExactly(4, 4, 4, 4, 2);
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
                    sequence.positions(),
                    1,
                    counts,
                    ids,
                    new float[rows],
                    new float[rows],
                    new float[rows],
                    List.of(),
                    new float[0],
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

    /** Gives one token a probability of 0.8 wherever it is, and any other 0.1. */
    private record Expects(int token) implements BatchScorer {
        @Override
        public List<ScoreOutcome> score(List<ScoreItem> items, RowSelection selection) {
            return items.stream()
                    .<ScoreOutcome>map(item -> new ScoreOutcome.Scored(rows(item)))
                    .toList();
        }

        private SelectedRows rows(ScoreItem item) {
            int n = item.positions().length;
            int[] ids = new int[n];
            float[] logProbabilities = new float[n];
            float[] data = new float[n];
            int[] counts = new int[n];
            Arrays.fill(ids, token);
            Arrays.fill(counts, 1);
            Arrays.fill(logProbabilities, (float) Math.log(0.8));
            for (int i = 0; i < n; i++) {
                data[i] = (float) Math.log(item.tokens()[item.positions()[i] + 1] == token ? 0.8 : 0.1);
            }
            return new SelectedRows(
                    item.positions(), 1, counts, ids, logProbabilities, new float[n], data, new float[0]);
        }

        @Override
        public void close() {}
    }
}
