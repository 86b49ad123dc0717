package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Everything that can go wrong for a while goes wrong for a while, at random. */
final class StormTest {
    /** Each costs the student its progress timeout, one that is long enough for a busy machine. */
    private static final int MOST_FORGOTTEN = 3;

    @Test
    void take_replicasFailAtRandom_handsOutEveryRowOnceInOrder() throws Exception {
        long seed = 77;
        SplittableRandom random = new SplittableRandom(seed);
        List<TargetSequence> sequences = Students.sequences(400, seed);
        Set<String> troubled = ConcurrentHashMap.newKeySet();
        AtomicInteger forgotten = new AtomicInteger();
        FakeTeacher one = new FakeTeacher(1);
        FakeTeacher two = new FakeTeacher(1);
        one.answering = weather(random.split(), troubled, forgotten);
        two.answering = weather(random.split(), troubled, forgotten);
        ClientOptions options = Students.optionsBuilder()
                .window(16, 100_000)
                .retryFor(Duration.ofSeconds(30))
                .sequenceTimeout(Duration.ofSeconds(2))
                .build();
        try (TeacherClient client = TeacherClient.connect(one.address() + "," + two.address(), options);
                TargetStream stream = client.open(Students.REQUEST)) {
            CompletableFuture<List<Targets>> student =
                    TeacherKilledMidStreamTest.takeAllInBackground(stream, sequences);
            for (int kill = 0; kill < 6; kill++) {
                FakeTeacher victim = kill % 2 == 0 ? one : two;
                int before = victim.asked.size();
                await().until(() -> victim.asked.size() >= before + 12 || student.isDone());
                victim.close();
                FakeTeacher risen = new FakeTeacher(1, "127.0.0.1", victim.port());
                risen.answering = weather(random.split(), troubled, forgotten);
                if (kill % 2 == 0) {
                    one = risen;
                } else {
                    two = risen;
                }
            }
            Students.assertExactly(student.get(), sequences, one.model);
            StreamStatistics statistics = stream.statistics();
            assertThat(statistics.coverage()).as("seed %s", seed).isEqualTo(1.0);
            assertThat(statistics.reasked().sequences()).isPositive();
            assertThat(statistics.failedSequences()).isZero();
            assertThat(one.violations).isEmpty();
            assertThat(two.violations).isEmpty();
        } finally {
            one.close();
            two.close();
        }
    }

    /** Mostly answers; sometimes late, busy, broken off half-way, or with the whole stream ended. */
    private static Consumer<FakeTeacher.Asked> weather(
            SplittableRandom random, Set<String> troubled, AtomicInteger forgotten) {
        List<FakeTeacher.Asked> held = new ArrayList<>();
        return asked -> {
            synchronized (held) {
                int event = random.nextInt(20);
                // A sequence is let down only once, so that its few attempts suffice.
                if (event >= 2 && event <= 5 && !troubled.add(Arrays.toString(asked.tokens()))) {
                    event = 19;
                }
                switch (event) {
                    case 0 -> asked.fail(FakeTeacher.retryable(Status.Code.RESOURCE_EXHAUSTED, 10));
                    case 1 -> {
                        asked.rows(0, 1);
                        asked.fail(FakeTeacher.retryable(Status.Code.UNAVAILABLE, 5));
                    }
                    case 2 -> {
                        asked.rows(0, 1);
                        if (forgotten.incrementAndGet() > MOST_FORGOTTEN) {
                            held.add(asked);
                        }
                    }
                    case 3 -> {
                        asked.rows(0, 1);
                        asked.session.end(
                                Status.UNAVAILABLE.withDescription("draining").asRuntimeException());
                    }
                    case 4, 5 -> held.add(asked);
                    default -> {
                        asked.answer(7);
                        held.forEach(FakeTeacher.Asked::answerRest);
                        held.clear();
                    }
                }
            }
        };
    }
}
