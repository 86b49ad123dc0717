package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Precision;
import dev.lyne.row.RowColumns;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A teacher that sees another beginning than the student before the same response. */
final class PrivilegedContextTest {
    private static final int[] NO_TOKENS = {};

    /** A prompt of the student's, one of the teacher's, and a response behind both; rows of the response alone. */
    private static TargetSequence sequence(long id, SplittableRandom random) {
        int[] prompt =
                random.ints(random.nextInt(1, 12), 0, FakeTeacher.VOCABULARY).toArray();
        int[] own =
                random.ints(random.nextInt(1, 30), 0, FakeTeacher.VOCABULARY).toArray();
        int[] response =
                random.ints(random.nextInt(1, 20), 0, FakeTeacher.VOCABULARY).toArray();
        return new TargetSequence(
                id,
                joined(prompt, response),
                IntStream.range(prompt.length - 1, prompt.length - 1 + response.length)
                        .toArray(),
                new int[0][],
                joined(own, response));
    }

    /** The same with a response of tokens that the teacher's rows keep. */
    private static TargetSequence likely(long id, SplittableRandom random) {
        int[] prompt =
                random.ints(random.nextInt(1, 12), 0, FakeTeacher.VOCABULARY).toArray();
        int[] own =
                random.ints(random.nextInt(2, 30), 0, FakeTeacher.VOCABULARY).toArray();
        int[] seen = own;
        int length = random.nextInt(3, 20);
        for (int i = 0; i < length; i++) {
            RowColumns row =
                    Reception.MODEL.columns(seen, new int[] {seen.length - 1}, new int[0][], Students.SELECTION);
            seen = joined(seen, new int[] {row.ids()[random.nextInt(row.counts()[0])]});
        }
        return new TargetSequence(
                id,
                joined(prompt, Arrays.copyOfRange(seen, own.length, seen.length)),
                IntStream.range(prompt.length - 1, prompt.length - 1 + length).toArray(),
                new int[0][],
                seen);
    }

    private static int[] joined(int[] first, int[] then) {
        return IntStream.concat(Arrays.stream(first), Arrays.stream(then)).toArray();
    }

    @Test
    void take_teacherSeesAnotherPrompt_rowsAreTheTeachersAtTheShiftedPositions() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            SplittableRandom random = new SplittableRandom(3);
            List<TargetSequence> sequences = new ArrayList<>();
            for (int id = 0; id < 30; id++) {
                sequences.add(sequence(id, random));
            }
            List<Targets> taken = Students.takeAll(stream, sequences);

            assertThat(taken).extracting(Targets::sequence).isEqualTo(sequences);
            for (Targets targets : taken) {
                TargetSequence asked = targets.sequence();
                int[] shifted = Arrays.stream(asked.positions())
                        .map(position -> position + asked.shift())
                        .toArray();
                RowColumns rows =
                        teacher.model.columns(asked.teacherTokens(), shifted, new int[0][], Students.SELECTION);
                assertThat(targets.positions()).isEqualTo(asked.positions());
                assertThat(targets.columns().ids()).isEqualTo(rows.ids());
                assertThat(targets.columns().logProbabilities()).isEqualTo(rows.logProbabilities());
                assertThat(targets.columns().logTailMass()).isEqualTo(rows.logTailMass());
                assertThat(targets.columns().labelLogProbability()).isEqualTo(rows.labelLogProbability());
            }
            assertThat(taken).anyMatch(targets -> targets.sequence().shift() < 0);
            assertThat(taken).anyMatch(targets -> targets.sequence().shift() > 0);
            assertThat(teacher.violations).isEmpty();
        }
    }

    @Test
    void sequence_shiftedByOne_contradictsTheLabels() {
        int[] tokens = {1, 2, 30, 31, 32};
        int[] positions = {1, 2, 3};
        assertThat(new TargetSequence(5, tokens, positions, new int[0][], new int[] {7, 8, 9, 30, 31, 32}).shift())
                .isEqualTo(1);
        assertThatThrownBy(() ->
                        new TargetSequence(5, tokens, positions, new int[0][], new int[] {7, 8, 9, 30, 31, 32, 33}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "sequence 5: the teacher's token 4 is 31 (expected: 30, the student's token 2, as both end with what"
                                + " follows position 1)");
        assertThatThrownBy(() -> new TargetSequence(5, tokens, positions, new int[0][], new int[] {30, 31, 32}))
                .hasMessage(
                        "sequence 5: 3 tokens of the teacher's (expected: at least 4, as both end with what follows position 1)");
    }

    /** A server that took the student's positions for the teacher's, under a header that it believes: the labels tell. */
    @Test
    void rows_ofAnotherShift_contradictTheLabels() {
        Reception reception =
                Reception.of(new TargetRequest(Students.SELECTION, Precision.EXACT, false, TeacherExpectation.any()));
        SplittableRandom random = new SplittableRandom(4);
        for (int round = 0; round < 60; round++) {
            TargetSequence sequence = likely(17, random);
            int[] right = sequence.teacherPositions();
            int[] wrong = Arrays.stream(right).map(position -> position - 1).toArray();
            RowColumns columns =
                    Reception.MODEL.columns(sequence.teacherTokens(), right, new int[0][], Students.SELECTION);
            reception.receive(sequence, reception.encode(sequence, columns));
            RowColumns others =
                    Reception.MODEL.columns(sequence.teacherTokens(), wrong, new int[0][], Students.SELECTION);
            reception.assertCaught(sequence, reception.encode(sequence, others), "label log-probability");
        }
    }

    @Test
    void offer_teachersTokensBeyondItsContext_isRefused() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            int[] own = new int[FakeTeacher.CONTEXT];
            TargetSequence sequence =
                    new TargetSequence(9, new int[] {1, 2, 3}, new int[] {1}, new int[0][], joined(own, new int[] {3}));
            assertThatThrownBy(() -> stream.offer(sequence))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("sequence 9: 129 tokens of the teacher's (expected: 1..context_length=128)");
            int[] other = {FakeTeacher.VOCABULARY, 3};
            assertThatThrownBy(() -> stream.offer(
                            new TargetSequence(9, new int[] {1, 2, 3}, new int[] {1}, new int[0][], other)))
                    .hasMessage("sequence 9: token 60 at 0 (expected: 0..59)");
            assertThat(new TargetSequence(9, new int[] {1, 2, 3}, new int[] {1}, new int[0][], NO_TOKENS)
                            .teacherTokens())
                    .containsExactly(1, 2, 3);
        }
    }
}
