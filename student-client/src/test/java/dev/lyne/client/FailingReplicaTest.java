package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A replica whose model throws at whatever it is asked: it is fast, and no row is lost to it. */
@Timeout(60)
final class FailingReplicaTest {
    private static final Consumer<FakeTeacher.Asked> THROWS =
            asked -> asked.fail(FakeTeacher.status(Status.Code.INTERNAL, "the model failed: device-side assert"));

    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    private ClientOptions.Builder options() {
        return Students.optionsBuilder().listener(lines::add);
    }

    private static long asks(FakeTeacher teacher, TargetSequence of) {
        return teacher.asked.stream()
                .filter(asked -> Arrays.equals(asked.tokens(), of.teacherTokens()))
                .count();
    }

    @ParameterizedTest
    @EnumSource(ReplicaRouting.class)
    void take_besideAReplicaThatFailsEverything_theOtherDoesAllAndALineSaysSo(ReplicaRouting routing) throws Exception {
        List<TargetSequence> sequences = Students.sequences(200, 91);
        try (FakeTeacher failing = new FakeTeacher(1);
                FakeTeacher healthy = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        failing.address() + "," + healthy.address(),
                        options()
                                .routing(routing)
                                .backoff(Duration.ofMillis(5), Duration.ofMillis(200))
                                .build());
                TargetStream stream = client.open(Students.REQUEST)) {
            failing.answering = THROWS;
            healthy.answering = FakeTeacher.taking(Duration.ofMillis(2));
            await().until(() -> !failing.opened.isEmpty() && !healthy.opened.isEmpty());
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, healthy.model);
            assertThat(stream.statistics().failedSequences()).isZero();
            assertThat(failing.asked.size())
                    .as("a fast failure is no fast answer")
                    .isLessThan(40);
            assertThat(lines)
                    .contains("teacher " + failing.address()
                            + ": one sequence after the other fails there: INTERNAL: the model failed: device-side"
                            + " assert; others get all but one now and then");
        }
    }

    @Test
    void take_oneFailsEverythingWhileTheOtherRestarts_sequencesWaitForIt() throws Exception {
        List<TargetSequence> sequences = Students.sequences(60, 92);
        FakeTeacher restarting = new FakeTeacher(1);
        try (FakeTeacher failing = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        failing.address() + "," + restarting.address(),
                        options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            failing.answering = THROWS;
            await().until(() -> !failing.opened.isEmpty() && !restarting.opened.isEmpty());
            restarting.close();
            CompletableFuture<List<Targets>> student =
                    TeacherKilledMidStreamTest.takeAllInBackground(stream, sequences);
            await().until(() -> failing.asked.size() >= 30 || student.isDone());
            try (FakeTeacher back = new FakeTeacher(1, "127.0.0.1", restarting.port())) {
                Students.assertExactly(student.get(), sequences, back.model);
                assertThat(stream.statistics().failedSequences()).isZero();
                assertThat(stream.statistics().coverage()).isEqualTo(1.0);
            }
        }
    }

    @Test
    void take_theFailingOneWorksAgainWhileTheOtherIsGone_itAnswersAll() throws Exception {
        List<TargetSequence> sequences = Students.sequences(60, 93);
        FakeTeacher gone = new FakeTeacher(1);
        try (FakeTeacher failing = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        failing.address() + "," + gone.address(), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            failing.answering = THROWS;
            await().until(() -> !failing.opened.isEmpty() && !gone.opened.isEmpty());
            gone.close();
            CompletableFuture<List<Targets>> student =
                    TeacherKilledMidStreamTest.takeAllInBackground(stream, sequences);
            await().until(() -> failing.asked.size() >= 30 || student.isDone());
            failing.answering = asked -> asked.answer(5);
            Students.assertExactly(student.get(), sequences, failing.model);
            assertThat(lines).contains("teacher " + failing.address() + ": it answers again");
            assertThat(stream.statistics().failedSequences()).isZero();
        }
    }

    /** All fail, the other does not come back: the progress timeout ends the run, and it says why. */
    @Test
    void take_oneFailsEverythingAndTheOtherStaysAway_endsNamingBoth() throws Exception {
        FakeTeacher gone = new FakeTeacher(1);
        try (FakeTeacher failing = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        failing.address() + "," + gone.address(),
                        options().retryFor(Duration.ofMillis(600)).build());
                TargetStream stream = client.open(Students.REQUEST)) {
            failing.answering = THROWS;
            await().until(() -> !failing.opened.isEmpty() && !gone.opened.isEmpty());
            gone.close();
            Students.sequences(6, 94).forEach(stream::offer);
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 6; i++) {
                            try {
                                stream.take();
                            } catch (SequenceFailedException e) {
                                // one of them may have had its tries before the other was gone
                            }
                        }
                    })
                    .isInstanceOf(TeacherUnavailableException.class)
                    .hasMessageContaining("teacher " + failing.address() + ": the model failed: device-side assert")
                    .hasMessageContaining("teacher " + gone.address() + ": connection refused");
        }
    }

    @Test
    void take_loneReplicaFailsAtOneSequence_thatIsGivenUpAndTheOthersAreNot() throws Exception {
        List<TargetSequence> sequences = Students.sequences(20, 95);
        TargetSequence bad = sequences.get(3);
        try (FakeTeacher lone = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(lone.address(), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            failAt(lone, bad);
            takeAllBut(bad, stream, sequences, lone);
            assertThat(asks(lone, bad)).isEqualTo(2);
        }
    }

    /** The fault is the sequence's: a replica that might come back does not keep the others from being answered, nor it from being given up. */
    @Test
    void take_oneSequenceFailsWhileAnotherReplicaIsGone_thatIsGivenUpAndTheOthersAreNot() throws Exception {
        List<TargetSequence> sequences = Students.sequences(20, 96);
        TargetSequence bad = sequences.get(3);
        FakeTeacher gone = new FakeTeacher(1);
        try (FakeTeacher there = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        there.address() + "," + gone.address(), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            await().until(() -> !there.opened.isEmpty() && !gone.opened.isEmpty());
            gone.close();
            failAt(there, bad);
            takeAllBut(bad, stream, sequences, there);
        }
    }

    private static void failAt(FakeTeacher teacher, TargetSequence bad) {
        teacher.answering = asked -> {
            if (Arrays.equals(asked.tokens(), bad.teacherTokens())) {
                THROWS.accept(asked);
            } else {
                asked.answer(5);
            }
        };
    }

    private static void takeAllBut(
            TargetSequence bad, TargetStream stream, List<TargetSequence> sequences, FakeTeacher teacher)
            throws Exception {
        List<Targets> taken = new ArrayList<>();
        int offered = 0;
        for (TargetSequence sequence : sequences) {
            while (offered < sequences.size() && stream.offer(sequences.get(offered))) {
                offered++;
            }
            if (sequence == bad) {
                assertThatThrownBy(stream::take)
                        .isInstanceOf(SequenceFailedException.class)
                        .hasMessageContaining("INTERNAL: teacher " + teacher.address()
                                + ": the model failed: device-side assert (after ");
            } else {
                taken.add(stream.take());
            }
        }
        List<TargetSequence> good =
                sequences.stream().filter(sequence -> sequence != bad).toList();
        Students.assertExactly(taken, good, teacher.model);
        assertThat(stream.statistics().failedSequences()).isEqualTo(1);
    }
}
