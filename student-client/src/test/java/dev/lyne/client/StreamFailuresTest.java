package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.row.RowSource;
import dev.lyne.v1.Source;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

final class StreamFailuresTest {
    @Test
    void take_sequenceExhaustedWithDelay_isAskedAgainAfterIt() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            AtomicLong refusedNanos = new AtomicLong();
            teacher.answering = asked -> {
                if (refusedNanos.compareAndSet(0, System.nanoTime())) {
                    asked.fail(FakeTeacher.retryable(Status.Code.RESOURCE_EXHAUSTED, 250));
                } else {
                    asked.answer(5);
                }
            };
            List<TargetSequence> sequences = Students.sequences(1, 32);

            Students.assertExactly(Students.takeAll(stream, sequences), sequences, teacher.model);
            assertThat(teacher.asked).hasSize(2);
            assertThat(teacher.asked.get(1).arrivedNanos - refusedNanos.get())
                    .isGreaterThanOrEqualTo(Duration.ofMillis(250).toNanos());
            assertThat(stream.statistics().reasked().sequences()).isEqualTo(1);
            assertThat(stream.statistics().asked().positions())
                    .isEqualTo(stream.statistics().received().positions());
        }
    }

    @Test
    void take_streamExhaustedWithDelay_reconnectsAfterIt() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            AtomicLong refusedNanos = new AtomicLong();
            teacher.answering = asked -> {
                if (refusedNanos.compareAndSet(0, System.nanoTime())) {
                    asked.session.end(StatusProto.toStatusRuntimeException(
                            FakeTeacher.retryable(Status.Code.RESOURCE_EXHAUSTED, 250)));
                } else {
                    asked.answer(5);
                }
            };
            List<TargetSequence> sequences = Students.sequences(5, 33);

            Students.assertExactly(Students.takeAll(stream, sequences), sequences, teacher.model);
            assertThat(teacher.opened).hasSize(2);
            assertThat(teacher.asked.get(teacher.asked.size() - 1).arrivedNanos - refusedNanos.get())
                    .isGreaterThanOrEqualTo(Duration.ofMillis(250).toNanos());
        }
    }

    @Test
    void take_rowsOfACacheTier_areCountedByItsName() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            teacher.source = Source.SOURCE_CACHED;
            teacher.tier = "ring";
            List<TargetSequence> sequences = Students.sequences(2, 36);

            Students.assertExactly(Students.takeAll(stream, sequences), sequences, teacher.model);
            assertThat(stream.statistics().receivedBySource()).containsOnlyKeys(RowSource.cached("ring"));
        }
    }

    @Test
    void take_cachedRowsWithoutATier_breakTheProtocolAndAreAskedAgain() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            teacher.source = Source.SOURCE_CACHED;
            teacher.answering = asked -> {
                asked.answer(5);
                teacher.source = Source.SOURCE_COMPUTED;
            };
            List<TargetSequence> sequences = Students.sequences(1, 37);

            Students.assertExactly(Students.takeAll(stream, sequences), sequences, teacher.model);
            assertThat(stream.statistics().receivedBySource()).containsOnlyKeys(RowSource.COMPUTED);
            assertThat(stream.statistics().reasked().sequences()).isEqualTo(1);
        }
    }

    @Test
    void take_sequenceInvalid_failsAloneAndTheStreamGoesOn() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            teacher.answering = asked -> {
                if (asked.sequence.getId() == 1) {
                    asked.fail(FakeTeacher.status(Status.Code.INVALID_ARGUMENT, "token_ids: bad"));
                } else {
                    asked.answer(5);
                }
            };
            List<TargetSequence> sequences = Students.sequences(3, 34);
            sequences.forEach(stream::offer);

            assertThatThrownBy(stream::take)
                    .isInstanceOf(SequenceFailedException.class)
                    .hasMessage("sequence 0: INVALID_ARGUMENT: teacher " + teacher.address() + ": token_ids: bad");
            stream.askAgain(sequences.get(0));
            Students.assertExactly(List.of(stream.take(), stream.take(), stream.take()), sequences, teacher.model);
            assertThat(stream.statistics().failedSequences()).isEqualTo(1);
            assertThat(stream.statistics().coverage()).isEqualTo(1.0);
        }
    }

    @Test
    void take_dataLossTwice_failsTheSequence() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            teacher.answering =
                    asked -> asked.fail(FakeTeacher.status(Status.Code.DATA_LOSS, "logits are not finite at 3"));
            stream.offer(Students.sequences(1, 35).get(0));

            assertThatThrownBy(stream::take)
                    .isInstanceOfSatisfying(
                            SequenceFailedException.class,
                            e -> assertThat(e.code()).isEqualTo(Status.Code.DATA_LOSS))
                    .hasMessageContaining("logits are not finite at 3 (after 2 attempts)");
            assertThat(teacher.asked).hasSize(2);
        }
    }

    @Test
    void take_deadlinePassesAgainAndAgain_failsTheSequence() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        teacher.address(),
                        Students.optionsBuilder()
                                .sequenceTimeout(Duration.ofMillis(300))
                                .build());
                TargetStream stream = client.open(Students.REQUEST)) {
            teacher.answering = asked -> asked.fail(FakeTeacher.status(Status.Code.DEADLINE_EXCEEDED, "late"));
            stream.offer(Students.sequences(1, 36).get(0));

            assertThatThrownBy(stream::take)
                    .isInstanceOf(SequenceFailedException.class)
                    .hasMessageContaining("DEADLINE_EXCEEDED");
            assertThat(teacher.asked).hasSize(3);
            assertThat(teacher.asked.get(0).sequence.getTimeoutMillis()).isEqualTo(300);
        }
    }

    @Test
    void take_noProgressForTheTimeConfigured_failsSayingWhatWasTried() throws Exception {
        FakeTeacher teacher = new FakeTeacher(1);
        teacher.answering = asked -> {};
        ClientOptions options =
                Students.optionsBuilder().retryFor(Duration.ofMillis(600)).build();
        try (TeacherClient client = TeacherClient.connect(teacher.address(), options);
                TargetStream stream = client.open(Students.REQUEST)) {
            stream.offer(Students.sequences(1, 37).get(0));
            teacher.close();

            assertThatThrownBy(stream::take)
                    .isInstanceOf(TeacherUnavailableException.class)
                    .hasMessageContaining("no rows for 0.6 s with 1 sequences wanted")
                    .hasMessageContaining("teacher " + teacher.address() + ": connection refused")
                    .hasMessageContaining("attempts");
        }
    }

    @Test
    void take_mustWait_countsTheWaitAsStall() throws Exception {
        AtomicLong clock = new AtomicLong(1_000);
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = new TeacherClient(
                        teacher.address(), Students.options(), clock::get, InetAddress::getAllByName);
                TargetStream stream = client.open(Students.REQUEST)) {
            teacher.answering = asked -> {};
            stream.offer(Students.sequences(1, 38).get(0));
            AtomicReference<Thread> taker = new AtomicReference<>();
            CompletableFuture<Targets> taken = takeInBackground(stream, taker);
            await().until(() -> taker.get() != null && taker.get().getState() == Thread.State.WAITING);
            clock.addAndGet(5_000_000);
            await().until(() -> teacher.asked.size() == 1);
            teacher.asked.get(0).answer(5);
            taken.join();

            assertThat(stream.statistics().stallNanos()).isEqualTo(5_000_000);

            teacher.answering = asked -> asked.answer(5);
            stream.offer(Students.sequences(1, 39).get(0));
            await().until(() -> stream.statistics().received().sequences() == 2);
            clock.addAndGet(7_000_000);
            stream.take();
            assertThat(stream.statistics().stallNanos()).isEqualTo(5_000_000);
        }
    }

    @Test
    void close_whileTakeWaits_wakesItAndCancelsTheStream() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(teacher.address(), Students.options())) {
            teacher.answering = asked -> {};
            TargetStream stream = client.open(Students.REQUEST);
            stream.offer(Students.sequences(1, 40).get(0));
            AtomicReference<Thread> taker = new AtomicReference<>();
            CompletableFuture<Targets> taken = takeInBackground(stream, taker);
            await().until(() -> taker.get() != null && taker.get().getState() == Thread.State.WAITING);

            stream.close();

            assertThatThrownBy(taken::join)
                    .isInstanceOf(CompletionException.class)
                    .hasRootCauseInstanceOf(IllegalStateException.class)
                    .hasRootCauseMessage("the stream of targets is closed");
            await().until(() -> teacher.endedStreams.get() == 1);
        }
    }

    @Test
    void stream_nobodyTakes_asksForNoMoreThanTheWindow() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        teacher.address(),
                        Students.optionsBuilder().window(5, 100_000).build());
                TargetStream stream = client.open(Students.REQUEST)) {
            AtomicInteger offered = new AtomicInteger();
            for (TargetSequence sequence : Students.sequences(50, 41)) {
                if (stream.offer(sequence)) {
                    offered.incrementAndGet();
                }
            }
            await().until(() -> stream.statistics().received().sequences() == 5);

            assertThat(offered.get()).isEqualTo(5);
            assertThat(teacher.asked).hasSize(5);
        }
    }

    private static CompletableFuture<Targets> takeInBackground(TargetStream stream, AtomicReference<Thread> taker) {
        return CompletableFuture.supplyAsync(() -> {
            taker.set(Thread.currentThread());
            try {
                return stream.take();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }
}
