package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.Targets;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.lm.scoring.ScoringModel;
import dev.lyne.lm.scoring.ScoringOptions;
import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.RowSource;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.ScoreOutcome;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.LanguageModelTeacher;
import dev.lyne.teacher.model.TinyModelDirectory;
import dev.lyne.wire.Containment;
import dev.lyne.wire.Positions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real model, a real server, a real student: every selection arrives in every precision, and is what the model says of it. */
final class EverySelectionReachesAStudentTest {
    private static final long SEED = 11;
    private static final int TOKENS = 120;

    @TempDir
    private Path directory;

    private static List<Selection> selections(int vocabulary) {
        List<Float> temperatures = List.of(2f, 0.5f);
        return List.of(
                new Selection.TopK(20, temperatures),
                new Selection.TopK(vocabulary, List.of()),
                new Selection.TopPK(0.4, 60, 2f, temperatures),
                new Selection.TopFraction(0.05, List.of()),
                new Selection.Draws(30, 0, -9, temperatures),
                new Selection.Draws(30, 5, 9, List.of()),
                new Selection.Chosen(6, temperatures),
                new Selection.LabelOnly(temperatures));
    }

    @Test
    void everySelection_inEveryPrecision_isWhatTheModelSays() throws Exception {
        TinyModelDirectory.write(directory, TinyModelDirectory.PADDED_VOCABULARY);
        LanguageModelTeacher teacher = LanguageModelTeacher.load("tiny", directory, TinyModelDirectory.OPTIONS, true);
        int vocabulary = teacher.description().vocabularySize();
        int[] tokens = new Random(SEED).ints(TOKENS, 0, vocabulary).toArray();
        int[] positions = Positions.withLabels(TOKENS);
        try (ScoringModel model = ScoringModel.load(
                        directory, TinyModelDirectory.OPTIONS, new ScoringOptions(vocabulary, 256, true));
                TeacherServer server = TeacherServer.start(
                        List.of(teacher), TeacherServerOptions.builder().build());
                TeacherClient client = TeacherClient.connect("127.0.0.1:" + server.port(), ClientOptions.defaults())) {
            for (Selection selection : selections(vocabulary)) {
                int[][] chosen = selection instanceof Selection.Chosen ? chosen(vocabulary) : new int[0][];
                for (boolean raw : new boolean[] {false, true}) {
                    RowColumns exact = ((ScoreOutcome.Scored) model.score(
                                            List.of(new ScoreItem(tokens, positions, chosen)),
                                            new RowContent(selection, raw))
                                    .get(0))
                            .rows();
                    for (Precision precision : Precision.values()) {
                        if (!raw || precision != Precision.COMPACT) {
                            TargetRequest request =
                                    new TargetRequest(selection, precision, raw, TeacherExpectation.any());
                            check(client, request, new TargetSequence(1, tokens, positions, chosen), exact);
                        }
                    }
                }
            }
        }
    }

    /** Rows that were cut from wider ones pass every check that a student makes of fresh ones. */
    @Test
    void narrowedRows_inEveryPrecision_passTheStudentsChecks() throws Exception {
        TinyModelDirectory.write(directory, TinyModelDirectory.PADDED_VOCABULARY);
        LanguageModelTeacher teacher = LanguageModelTeacher.load("tiny", directory, TinyModelDirectory.OPTIONS, false);
        int[] tokens = new Random(SEED)
                .ints(TOKENS, 0, teacher.description().vocabularySize())
                .toArray();
        int[] some = Arrays.stream(Positions.withLabels(TOKENS))
                .filter(t -> t % 3 != 1)
                .toArray();
        try (TeacherServer server = TeacherServer.start(
                        List.of(teacher), TeacherServerOptions.builder().build());
                TeacherClient client = TeacherClient.connect("127.0.0.1:" + server.port(), ClientOptions.defaults())) {
            for (Precision precision : Precision.values()) {
                int[] own = tokens.clone();
                own[0] = precision.ordinal(); // a sequence of its own
                Selection held = new Selection.TopK(100, List.of(2f, 0.5f));
                Precision stored = precision == Precision.HALF ? Precision.EXACT : precision;
                assertThat(take(client, held, stored, TargetSequence.whole(0, own))
                                .narrowedRows())
                        .isZero();
                for (Selection narrower : List.of(
                        new Selection.TopK(99, List.of(0.5f)),
                        new Selection.TopK(8, List.of(2f)),
                        new Selection.TopPK(0.3, 100, 1f, List.of()),
                        new Selection.TopFraction(0.05, List.of(2f, 0.5f)),
                        new Selection.TopK(24, List.of(2f)),
                        new Selection.LabelOnly(List.of(2f)))) {
                    if (!Containment.answers(
                            held, narrower, stored, teacher.description().vocabularySize(), 0)) {
                        continue; // computed again, which would take the place of what is held
                    }
                    Targets targets = take(client, narrower, precision, new TargetSequence(0, own, some));
                    assertThat(targets.rowsBySource().keySet()).containsExactly(RowSource.cached("memory"));
                    assertThat(targets.narrowedRows()).isEqualTo(some.length);
                }
            }
        }
    }

    private static Targets take(TeacherClient client, Selection selection, Precision precision, TargetSequence sequence)
            throws InterruptedException {
        TargetRequest request = new TargetRequest(selection, precision, false, TeacherExpectation.any());
        try (TargetStream stream = client.open(request)) {
            assertThat(stream.offer(sequence)).isTrue();
            return stream.take();
        }
    }

    private static int[][] chosen(int vocabulary) {
        Random random = new Random(SEED);
        int[][] chosen = new int[TOKENS - 1][];
        Arrays.setAll(
                chosen,
                row -> random.ints(0, vocabulary).distinct().limit(row % 7).toArray());
        return chosen;
    }

    private static void check(TeacherClient client, TargetRequest request, TargetSequence sequence, RowColumns exact)
            throws InterruptedException {
        try (TargetStream stream = client.open(request)) {
            assertThat(stream.offer(sequence)).isTrue();
            Targets targets = stream.take();
            assertThat(targets.rowsBySource().keySet()).containsAnyOf(RowSource.COMPUTED, RowSource.cached("memory"));
            String what = request.toString();
            double divergence = 0;
            for (int row = 0; row < exact.rows(); row++) {
                int from = row * exact.stride();
                int here = row * targets.columns().stride();
                int count = exact.counts()[row];
                assertThat(targets.columns().counts()[row]).as(what).isEqualTo(count);
                List<Integer> ids = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    ids.add(exact.ids()[from + i]);
                }
                for (int i = 0; i < count; i++) {
                    int at = from + ids.indexOf(targets.columns().ids()[here + i]); // equal levels come in order of id
                    assertThat(at).as(what).isGreaterThanOrEqualTo(from);
                    double value = exact.logProbabilities()[at];
                    double arrived = targets.columns().logProbabilities()[here + i];
                    assertThat(arrived).as(what).isCloseTo(value, within(allowed(request, value, 0.1)));
                    divergence += Math.exp(value) * (value - arrived);
                    if (targets.columns().drawCounts().length > 0) {
                        assertThat(targets.columns().drawCounts()[here + i])
                                .as(what)
                                .isEqualTo(exact.drawCounts()[at]);
                    }
                    if (request.rawLogits()) {
                        assertThat((double) targets.columns().logits()[here + i])
                                .as(what)
                                .isCloseTo(exact.logits()[at], within(allowed(request, exact.logits()[at], 0)));
                    }
                }
                double tail = exact.logTailMass()[row];
                if (tail == Double.NEGATIVE_INFINITY) {
                    assertThat(targets.columns().logTailMass()[row]).as(what).isEqualTo(Float.NEGATIVE_INFINITY);
                } else {
                    assertThat((double) targets.columns().logTailMass()[row])
                            .as(what)
                            .isCloseTo(tail, within(allowed(request, tail, 0.05)));
                    divergence += Math.exp(tail) * (tail - targets.columns().logTailMass()[row]);
                }
                assertThat((double) targets.columns().labelLogProbability()[row])
                        .as(what)
                        .isCloseTo(
                                exact.labelLogProbability()[row],
                                within(allowed(request, exact.labelLogProbability()[row], 0.1)));
            }
            assertThat(divergence / exact.rows())
                    .as(what)
                    .isLessThanOrEqualTo(request.precision() == Precision.COMPACT ? 1e-4 : 0.01);
            assertThat(targets.columns().temperatureOffsets()).as(what).isEqualTo(exact.temperatureOffsets());
        }
    }

    /** How far a value may be off. A label log-probability that is not kept has the steps of the tail or of the entries. */
    private static double allowed(TargetRequest request, double value, double compact) {
        return switch (request.precision()) {
            case EXACT -> 0;
            case HALF -> Math.abs(value) / 2_048 + 1e-7;
            case COMPACT -> compact + 1e-6;
        };
    }
}
