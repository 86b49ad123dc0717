package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowSource;
import dev.lyne.row.Selection;
import dev.lyne.v1.Credit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class TargetOrderTest {
    @Test
    void take_answersShuffled_keepsOrderOfOffers() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            long seed = 7;
            Random random = new Random(seed);
            List<FakeTeacher.Asked> held = new ArrayList<>();
            teacher.answering = asked -> {
                held.add(asked);
                // The last one that the window admits lets all of them go, in any order.
                if (held.size() == 12 || teacher.asked.size() > 60 - 12) {
                    Collections.shuffle(held, random);
                    held.forEach(one -> one.answer(3));
                    held.clear();
                }
            };
            List<TargetSequence> sequences = Students.sequences(60, seed);

            List<Targets> taken = new ArrayList<>();
            for (int from = 0; from < 60; from += 12) {
                for (TargetSequence sequence : sequences.subList(from, from + 12)) {
                    assertThat(stream.offer(sequence)).isTrue();
                }
                for (int i = 0; i < 12; i++) {
                    taken.add(stream.take());
                }
            }

            Students.assertExactly(taken, sequences, teacher.model);
            assertThat(stream.statistics().coverage()).as("seed %s", seed).isEqualTo(1.0);
            assertThat(teacher.violations).isEmpty();
        }
    }

    @Test
    void offer_windowFull_refusesUntilTaken() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        teacher.address(),
                        Students.optionsBuilder().window(3, 1_000).build());
                TargetStream stream = client.open(Students.REQUEST)) {
            List<TargetSequence> sequences = Students.sequences(4, 3);

            assertThat(sequences.stream().map(stream::offer)).containsExactly(true, true, true, false);
            stream.take();
            assertThat(stream.offer(sequences.get(3))).isTrue();
            assertThat(stream.pending()).isEqualTo(3);
        }
    }

    @Test
    void offer_tokensBeyondWindow_admitsOneAlone() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        teacher.address(),
                        Students.optionsBuilder().window(100, 1).build());
                TargetStream stream = client.open(Students.REQUEST)) {
            List<TargetSequence> sequences = Students.sequences(5, 4);

            assertThat(stream.offer(sequences.get(0))).isTrue();
            assertThat(stream.offer(sequences.get(1))).isFalse();
            stream.take();
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, teacher.model);
        }
    }

    @Test
    void stream_smallCredit_neverExceedsIt() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1)) {
            teacher.credit = Credit.newBuilder().setSequences(3).setTokens(50).build();
            try (TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                    TargetStream stream = client.open(Students.REQUEST)) {
                List<TargetSequence> sequences = Students.sequences(80, 5);

                Students.assertExactly(Students.takeAll(stream, sequences), sequences, teacher.model);
                assertThat(teacher.violations).isEmpty();
            }
        }
    }

    @Test
    void stream_creditRaised_usesIt() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1)) {
            teacher.credit = Credit.newBuilder().setSequences(1).setTokens(1).build();
            teacher.answering = asked -> {};
            try (TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                    TargetStream stream = client.open(Students.REQUEST)) {
                List<TargetSequence> sequences = Students.sequences(10, 6);
                sequences.forEach(sequence -> assertThat(stream.offer(sequence)).isTrue());
                await().until(() -> teacher.asked.size() == 1);

                teacher.asked
                        .get(0)
                        .session
                        .grant(Credit.newBuilder()
                                .setSequences(4)
                                .setTokens(100_000)
                                .build());

                await().until(() -> teacher.asked.size() == 4);
                teacher.answering = asked -> asked.answer(9);
                teacher.asked.forEach(asked -> asked.answer(9));
                Students.assertExactly(takeTen(stream), sequences, teacher.model);
                assertThat(teacher.violations).isEmpty();
            }
        }
    }

    private static List<Targets> takeTen(TargetStream stream) throws InterruptedException {
        List<Targets> taken = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            taken.add(stream.take());
        }
        return taken;
    }

    @Test
    void stream_somePositionsWithTopPK_givesThoseRows() throws Exception {
        Selection selection = new Selection.TopPK(0.8, 30, 1f, List.of());
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(new TargetRequest(selection, TeacherExpectation.any()))) {
            TargetSequence sequence = new TargetSequence(9, new int[] {4, 8, 15, 16, 23, 42}, new int[] {1, 3, 4, 5});

            assertThat(stream.offer(sequence)).isTrue();
            Targets targets = stream.take();

            var rows = teacher.model.columns(sequence, selection);
            assertThat(targets.positions()).containsExactly(1, 3, 4, 5);
            assertThat(targets.columns().counts()).isEqualTo(rows.counts());
            assertThat(targets.columns().labelLogProbability()[3]).isNaN();
            assertThat(targets.rowsBySource()).isEqualTo(Map.of(RowSource.COMPUTED, 4));
            for (int row = 0; row < 4; row++) {
                for (int i = targets.columns().counts()[row];
                        i < targets.columns().stride();
                        i++) {
                    assertThat(targets.columns()
                                    .logProbabilities()[row * targets.columns().stride() + i])
                            .isEqualTo(Float.NEGATIVE_INFINITY);
                }
            }
        }
    }

    @Test
    void offer_tokenOutOfVocabulary_isRefusedWithValueAndRange() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            assertThatThrownBy(() -> stream.offer(TargetSequence.whole(3, new int[] {1, 60})))
                    .hasMessage("sequence 3: token 60 at 1 (expected: 0..59)");
            assertThatThrownBy(() -> stream.offer(TargetSequence.whole(3, new int[129])))
                    .hasMessage("sequence 3: 129 tokens (expected: 1..context_length=128)");
            assertThatThrownBy(stream::take).isInstanceOf(IllegalStateException.class);
        }
    }
}
