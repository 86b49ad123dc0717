package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.ClientOptions;
import dev.lyne.client.MisalignedTargetsException;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherClient;
import dev.lyne.client.TeacherExpectation;
import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import dev.lyne.row.RowContent;
import dev.lyne.row.ScoreItem;
import dev.lyne.row.Selection;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.score.ScoreTask;
import dev.lyne.teacher.score.Scorer;
import dev.lyne.wire.RowFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Whatever goes wrong within a server, a real student notices: it is never handed rows that do not answer it. */
final class FaultyServerTest {
    private static final long SEED = 20_261_122;
    private static final int SEQUENCES = 12;
    private static final int VOCABULARY = 500;
    private static final int K = 8;
    private static final Selection SELECTION = new Selection.TopK(K, List.of(2f));

    private final FakeTeacher teacher = new FakeTeacher("fake", VOCABULARY, 64);

    /** Sequences whose labels are likely ones, as in text that a teacher is good at. All of one length, two of them in a batch. */
    private List<TargetSequence> sequences() {
        SplittableRandom random = new SplittableRandom(SEED);
        List<TargetSequence> sequences = new ArrayList<>();
        for (int id = 0; id < SEQUENCES; id++) {
            int[] tokens = new int[24];
            tokens[0] = id;
            for (int t = 1; t < tokens.length; t++) {
                RowColumns row =
                        teacher.rows(new ScoreItem(Arrays.copyOf(tokens, t), new int[] {t - 1}), RowContent.topK(K));
                tokens[t] = row.ids()[random.nextInt(K)];
            }
            sequences.add(TargetSequence.whole(id, tokens));
        }
        return sequences;
    }

    private interface Check {
        void check(TargetStream stream) throws Exception;
    }

    private void student(FaultyServer server, Check check) throws Exception {
        try (server;
                TeacherClient client = TeacherClient.connect("127.0.0.1:" + server.port(), ClientOptions.defaults());
                TargetStream stream = client.open(new TargetRequest(SELECTION, TeacherExpectation.any()))) {
            for (TargetSequence sequence : sequences()) {
                assertThat(stream.offer(sequence)).isTrue();
            }
            check.check(stream);
        }
    }

    private void assertCaught(FaultyServer server, String what) throws Exception {
        student(server, stream -> {
            for (int id = 0; id < SEQUENCES; id++) {
                assertThatThrownBy(stream::take)
                        .as("sequence %d, seed %d", id, SEED)
                        .isInstanceOf(MisalignedTargetsException.class)
                        .hasMessageStartingWith("sequence " + id + ", position ")
                        .hasMessageContaining(what);
            }
            assertThat(stream.statistics().received().sequences()).isZero();
        });
    }

    /** A fault of the model's: what it is asked for and gives, under headers that are right. */
    private FaultyServer model(FaultyTeacher.Fault fault) throws Exception {
        return new FaultyServer(new FaultyTeacher(teacher, fault), scorer -> scorer);
    }

    /** A fault before the model: what is asked is not what the student asked. */
    private FaultyServer asking(FaultyServer.Change change) throws Exception {
        return new FaultyServer(teacher, scorer -> (task, waiter) -> scorer.score(change.of(task), waiter));
    }

    private static ScoreTask task(ScoreTask task, int[] tokens, int[] positions, RowFormat format) {
        return new ScoreTask(new ScoreItem(tokens, positions), format, task.deadline(), false);
    }

    @Test
    void noFault_isHandedOut() throws Exception {
        student(model((items, score) -> score.of(items)), stream -> {
            for (int id = 0; id < SEQUENCES; id++) {
                assertThat(stream.take().rows()).isEqualTo(23);
            }
        });
    }

    @Test
    void rowsShiftedByOne_areCaught() throws Exception {
        assertCaught(
                model((items, score) -> {
                    List<ScoreItem> later = items.stream()
                            .map(item -> new ScoreItem(
                                    item.tokens(),
                                    Arrays.stream(item.positions())
                                            .map(t -> Math.min(t + 1, 22))
                                            .toArray()))
                            .toList();
                    return FaultyTeacher.labelled(score.of(later), items);
                }),
                "");
    }

    @Test
    void sequencesSwappedInTheirBatch_areCaught() throws Exception {
        assertCaught(
                model((items, score) -> {
                    List<ScoreItem> swapped = new ArrayList<>(items);
                    java.util.Collections.rotate(swapped, 1);
                    assertThat(items).hasSizeGreaterThan(1);
                    return FaultyTeacher.labelled(score.of(swapped), items);
                }),
                "");
    }

    @Test
    void sequencesSwappedOnTheirWayOut_areCaught() throws Exception {
        List<TargetSequence> all = sequences();
        assertCaught(
                asking(task -> task(
                        task,
                        all.get((task.item().tokens()[0] + 1) % SEQUENCES).tokens(),
                        task.item().positions(),
                        task.format())),
                "rows digest");
    }

    @Test
    void oneTokenChangedInTheRequest_isCaught() throws Exception {
        assertCaught(
                asking(task -> {
                    int[] tokens = task.item().tokens().clone();
                    tokens[12] = (tokens[12] + 1) % VOCABULARY;
                    return task(task, tokens, task.item().positions(), task.format());
                }),
                "rows digest");
    }

    @Test
    void oneTokenChangedBeforeTheModel_isCaught() throws Exception {
        assertCaught(
                model((items, score) -> {
                    List<ScoreItem> changed = new ArrayList<>();
                    for (ScoreItem item : items) {
                        int[] tokens = item.tokens().clone();
                        tokens[12] = (tokens[12] + 1) % VOCABULARY;
                        changed.add(new ScoreItem(tokens, item.positions()));
                    }
                    return score.of(changed);
                }),
                "");
    }

    @Test
    void positionsOffByOne_areCaught() throws Exception {
        assertCaught(
                asking(task -> task(
                        task,
                        task.item().tokens(),
                        Arrays.stream(task.item().positions()).map(t -> t + 1).toArray(),
                        task.format())),
                "a block that starts there (expected: the block of position 0)");
    }

    @Test
    void blocksOfAnotherTeacher_areCaught() throws Exception {
        FakeTeacher other = new FakeTeacher("else", VOCABULARY, 64);
        try (FaultyServer foreign = new FaultyServer(other, scorer -> scorer)) {
            Scorer wrong = foreign.scorer();
            assertCaught(new FaultyServer(teacher, scorer -> wrong), "teacher digest");
        }
    }

    @Test
    void blocksOfAnotherSelection_areCaught() throws Exception {
        for (Selection other : List.of(
                new Selection.TopK(K + 1, List.of(2f)),
                new Selection.TopK(K, List.of(4f)),
                new Selection.TopPK(1, K, 1f, List.of(2f)),
                new Selection.Draws(K, 0, 1, List.of(2f)))) {
            RowFormat format = new RowFormat(other, Precision.EXACT, false);
            assertCaught(
                    asking(task -> task(task, task.item().tokens(), task.item().positions(), format)), "selection ");
        }
    }
}
