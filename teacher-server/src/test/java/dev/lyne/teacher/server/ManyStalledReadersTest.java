package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.model.FakeTeacher;
import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Readers of distinct texts that stall together hold a bounded part of the heap, and stop nobody who reads. */
final class ManyStalledReadersTest {
    private static final int READERS = 90;
    private static final int LENGTH = 512;
    private static final long BUDGET = 8L << 20;

    /** A text of its own for each sequence. */
    private static int[] tokens(int number, int length) {
        int[] tokens = new int[length];
        tokens[0] = number % 1_000;
        tokens[1] = number / 1_000;
        return tokens;
    }

    @Test
    void ninetyStalledReaders_holdNoMoreThanTheBudgetAndHalfOfIt() throws Exception {
        try (ServerFixture fixture = new ServerFixture(
                new FakeTeacher("fake", 1_000, LENGTH),
                options -> options.memoryCacheBytes(0).limits(ServerLimits.DEFAULT.withServer(BUDGET, 256, 512)))) {
            var channel = fixture.channel();
            int next = 0;
            for (int reader = 0; reader < READERS; reader++) {
                TestStream stalled = TestStream.stalled(channel).open(64);
                for (int id = 0; id < 16; id++) {
                    stalled.score(id, tokens(next++, LENGTH)); // 380 MiB of rows altogether
                }
            }
            await().until(() -> fixture.gauge("lyne.teacher.streams") == READERS);
            await().atMost(Duration.ofMinutes(3))
                    .until(() -> fixture.gauge("lyne.teacher.unsent.room.bytes") > BUDGET / 2.0);

            TestStream reading = fixture.stream().open(64);
            int first = next;
            int[] ids = IntStream.range(0, 300).toArray();
            for (int id : ids) {
                reading.score(id, tokens(first + id, 16)).awaitNext(id);
                assertThat(fixture.gauge("lyne.teacher.unsent.room.bytes")).isLessThanOrEqualTo(1.5 * BUDGET);
            }
        }
    }
}
