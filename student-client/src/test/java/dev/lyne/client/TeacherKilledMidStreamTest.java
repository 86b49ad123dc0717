package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class TeacherKilledMidStreamTest {
    @Test
    void take_serverKilledAndRestartedTwice_handsOutEveryRowOnce() throws Exception {
        List<TargetSequence> sequences = Students.sequences(150, 11);
        FakeTeacher first = new FakeTeacher(1);
        int port = first.port();
        CountDownLatch firstStuck = stickAfter(first, 40);
        try (TeacherClient client = TeacherClient.connect(first.address(), Students.options());
                TargetStream stream = client.open(Students.REQUEST)) {
            CompletableFuture<List<Targets>> student = takeAllInBackground(stream, sequences);
            firstStuck.await();
            first.close();

            FakeTeacher second = new FakeTeacher(1, "127.0.0.1", port);
            CountDownLatch secondStuck = stickAfter(second, 50);
            secondStuck.await();
            second.close();

            try (FakeTeacher third = new FakeTeacher(1, "127.0.0.1", port)) {
                Students.assertExactly(student.get(), sequences, third.model);
                StreamStatistics statistics = stream.statistics();
                long positions =
                        sequences.stream().mapToLong(s -> s.positions().length).sum();
                assertThat(statistics.coverage()).isEqualTo(1.0);
                assertThat(statistics.asked().positions()).isEqualTo(positions);
                assertThat(statistics.received().positions()).isEqualTo(positions);
                assertThat(statistics.reasked().sequences()).isPositive();
                assertThat(statistics.discardedBytes()).isPositive();
                assertThat(statistics.reconnects()).isEqualTo(2);
                assertThat(third.violations).isEmpty();
                assertThat(third.asked.size() + second.asked.size() + first.asked.size())
                        .as("asked again only for what was not complete; some died with a server unread")
                        .isBetween(150, 150 + (int) statistics.reasked().sequences());
            }
        }
    }

    /** Lets a server answer some sequences, then half of each: counted down once that has happened. */
    private static CountDownLatch stickAfter(FakeTeacher teacher, int whole) {
        AtomicInteger count = new AtomicInteger();
        CountDownLatch stuck = new CountDownLatch(3);
        teacher.answering = asked -> {
            if (count.incrementAndGet() <= whole) {
                asked.answer(4);
            } else {
                asked.rows(0, (asked.positions().length + 1) / 2);
                stuck.countDown();
            }
        };
        return stuck;
    }

    static CompletableFuture<List<Targets>> takeAllInBackground(TargetStream stream, List<TargetSequence> sequences) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return Students.takeAll(stream, sequences);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }
}
