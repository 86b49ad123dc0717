package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.v1.Credit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The slowest sequence is asked of a second replica, too: its rows are used once, whichever of them comes first, and whatever dies. */
@Timeout(60)
final class HedgedSequencesTest {
    private static final Duration AFTER = Duration.ofMillis(10);

    private static ClientOptions.Builder options() {
        return Students.optionsBuilder().window(80, 100_000).hedgeAfter(AFTER);
    }

    private static void awaitOpened(FakeTeacher... teachers) {
        await().until(() -> List.of(teachers).stream().noneMatch(teacher -> teacher.opened.isEmpty()));
    }

    private static void assertEachOnce(StreamStatistics statistics, int sequences) {
        assertThat(statistics.asked().sequences()).isEqualTo(sequences);
        assertThat(statistics.received().sequences()).isEqualTo(sequences);
        assertThat(statistics.coverage()).isEqualTo(1.0);
    }

    @Test
    void aLateSequence_isAnsweredByTheOther_andTheLoserIsCancelled() throws Exception {
        List<TargetSequence> sequences = Students.sequences(80, 61);
        try (FakeTeacher late = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        late.address() + "," + other.address(), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            AtomicBoolean holding = new AtomicBoolean(true);
            List<FakeTeacher.Asked> held = Collections.synchronizedList(new ArrayList<>());
            late.answering = asked -> {
                if (holding.getAndSet(false)) {
                    held.add(asked);
                } else {
                    asked.answer(5);
                }
            };
            awaitOpened(late, other);
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, other.model);

            assertEachOnce(stream.statistics(), 80);
            StreamStatistics.Hedges hedges = stream.statistics().hedges();
            assertThat(hedges.won()).isBetween(1L, hedges.asked());
            await().until(() -> late.cancelledSequences.get() >= 1);
            held.forEach(asked -> asked.answer(5)); // too late: nobody wants it, and nobody is harmed by it
            List<TargetSequence> more = Students.sequences(40, 62);
            Students.assertExactly(Students.takeAll(stream, more), more, other.model);
            assertEachOnce(stream.statistics(), 120);
            assertThat(late.violations).isEmpty();
            assertThat(other.violations).isEmpty();
        }
    }

    @Test
    void withoutTheOption_nothingIsAskedTwice() throws Exception {
        List<TargetSequence> sequences = Students.sequences(60, 63);
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(1);
                TeacherClient client =
                        TeacherClient.connect(one.address() + "," + other.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            one.answering = FakeTeacher.taking(Duration.ofMillis(15));
            other.answering = FakeTeacher.taking(Duration.ofMillis(15));
            awaitOpened(one, other);
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, one.model);
            assertThat(stream.statistics().hedges()).isEqualTo(StreamStatistics.Hedges.NONE);
        }
    }

    /** Both replicas answer after times of chance about that of the hedge, so that answers of both cross on their way. */
    @Test
    void answersThatCross_areUsedOnce_andFewSequencesAreHedged() throws Exception {
        long seed = 64;
        SplittableRandom random = new SplittableRandom(seed);
        List<TargetSequence> sequences = Students.sequences(600, seed);
        ScheduledExecutorService devices = Executors.newScheduledThreadPool(2);
        try (FakeTeacher one = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        one.address() + "," + other.address(), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            for (FakeTeacher teacher : List.of(one, other)) {
                teacher.answering = asked -> {
                    int millis;
                    synchronized (random) {
                        millis = random.nextInt(25);
                    }
                    var unused = devices.schedule(() -> asked.answer(5), millis, TimeUnit.MILLISECONDS);
                };
            }
            awaitOpened(one, other);
            Students.assertExactly(Students.takeAll(stream, sequences), sequences, one.model);

            assertEachOnce(stream.statistics(), 600);
            assertThat(stream.statistics().hedges().asked())
                    .as("at most one in twenty, seed %d", seed)
                    .isBetween(1L, 30L);
            assertThat(one.violations).isEmpty();
            assertThat(other.violations).isEmpty();
        } finally {
            devices.shutdownNow();
        }
    }

    /** The replica that was asked first dies while the second is at it: the second's rows are used, and it is not asked again. */
    @Test
    void theFirstReplicaDies_theSecondsRowsAreUsed() throws Exception {
        List<TargetSequence> sequences = Students.sequences(1, 65);
        try (FakeTeacher other = new FakeTeacher(1);
                FakeTeacher dying = new FakeTeacher(1);
                TeacherClient client = TeacherClient.connect(
                        dying.address() + "," + other.address(), options().build());
                TargetStream stream = client.open(Students.REQUEST)) {
            List<FakeTeacher.Asked> byOther = Collections.synchronizedList(new ArrayList<>());
            List<FakeTeacher.Asked> byDying = Collections.synchronizedList(new ArrayList<>());
            dying.answering = byDying::add;
            other.answering = byOther::add;
            awaitOpened(dying, other);
            CompletableFuture<List<Targets>> student =
                    TeacherKilledMidStreamTest.takeAllInBackground(stream, sequences);
            await().until(() -> byOther.size() == 1 && byDying.size() == 1);
            dying.close();
            byOther.get(0).answer(5);
            Students.assertExactly(student.get(), sequences, other.model);
            assertEachOnce(stream.statistics(), 1);
            assertThat(other.asked).hasSize(1);
            assertThat(stream.statistics().hedges().asked()).isEqualTo(1);
        }
    }

    /** Both replicas that have a sequence die: it is asked for again, and taken once. */
    @Test
    void bothReplicasDie_theSequenceIsAskedForAgain() throws Exception {
        List<TargetSequence> sequences = Students.sequences(5, 66);
        try (FakeTeacher third = new FakeTeacher(1);
                FakeTeacher one = new FakeTeacher(1);
                FakeTeacher two = new FakeTeacher(1)) {
            one.answering = asked -> asked.rows(0, 1);
            two.answering = asked -> asked.rows(0, 1);
            third.answering = asked -> asked.rows(0, 1);
            try (TeacherClient client = TeacherClient.connect(
                            one.address() + "," + two.address() + "," + third.address(),
                            options().build());
                    TargetStream stream = client.open(Students.REQUEST)) {
                awaitOpened(one, two, third);
                CompletableFuture<List<Targets>> student =
                        TeacherKilledMidStreamTest.takeAllInBackground(stream, sequences);
                await().until(() -> stream.statistics().hedges().asked() == 1);
                third.answering = asked -> asked.answer(5);
                one.close();
                two.close();
                await().until(() -> third.asked.size() > 0);
                third.asked.forEach(FakeTeacher.Asked::answerRest);
                Students.assertExactly(student.get(), sequences, third.model);
                assertEachOnce(stream.statistics(), 5);
            }
        }
    }

    @Test
    void aReplicaThatDrains_answersWhatItHasAndGetsNothingMore() throws Exception {
        List<TargetSequence> first = Students.sequences(4, 67);
        List<TargetSequence> later = Students.sequences(60, 68);
        try (FakeTeacher draining = new FakeTeacher(1);
                FakeTeacher other = new FakeTeacher(1)) {
            Credit two = Credit.newBuilder().setSequences(2).setTokens(100_000).build();
            draining.credit = two; // so that of four each has two
            other.credit = two;
            try (TeacherClient client =
                            TeacherClient.connect(draining.address() + "," + other.address(), Students.options());
                    TargetStream stream = client.open(Students.REQUEST)) {
                List<FakeTeacher.Asked> byDraining = Collections.synchronizedList(new ArrayList<>());
                List<FakeTeacher.Asked> byOther = Collections.synchronizedList(new ArrayList<>());
                draining.answering = byDraining::add;
                other.answering = byOther::add;
                first.forEach(stream::offer);
                await().until(() -> byDraining.size() + byOther.size() == 4);
                assertThat(byDraining).hasSize(2);
                draining.drain();
                int before = draining.asked.size();
                // Its answers come after the word that it drains; of the other, no rate is known by then that could
                // draw one away.
                byDraining.forEach(asked -> asked.answer(5));
                await().until(() -> stream.statistics().received().sequences() == before);
                other.answering = asked -> asked.answer(5);
                byOther.forEach(asked -> asked.answer(5));
                List<Targets> answered = new ArrayList<>();
                for (int i = 0; i < first.size(); i++) {
                    answered.add(stream.take());
                }
                Students.assertExactly(answered, first, other.model);
                Students.assertExactly(Students.takeAll(stream, later), later, other.model);
                assertThat(draining.asked).as("nothing more").hasSize(before);
                assertThat(stream.statistics().reasked())
                        .as("nothing that it had")
                        .isEqualTo(StreamStatistics.Count.NONE);
            }
        }
    }
}
