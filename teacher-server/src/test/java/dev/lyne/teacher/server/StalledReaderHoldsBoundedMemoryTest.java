package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.model.FakeTeacher;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** One student that stops reading holds a bounded number of bytes in the server; the others go on as before. */
final class StalledReaderHoldsBoundedMemoryTest {
    private static final int LENGTH = 1_024;
    private static final long MIB = 1 << 20;

    @Test
    void reader_stallsAndKeepsAsking_holdsUnder20MiBAndTheOthersProgress() throws IOException, InterruptedException {
        try (ServerFixture fixture =
                new ServerFixture(new FakeTeacher("fake", 1_000, LENGTH), options -> options.memoryCacheBytes(0))) {
            TestStream stalled = TestStream.stalled(fixture.channel()).open(64);
            int next = 0;
            // Twice what its credit allows, some 68 MiB of rows: what is beyond is refused, and the refusals wait too.
            for (int id = 0; id < 128; id++) {
                stalled.score(id, tokens(next++));
            }
            await().until(() -> fixture.refusals("credit_exceeded") >= 64);
            await().until(() -> fixture.gauge("lyne.teacher.admitted.tokens") == 0);
            double held = fixture.gauge("lyne.teacher.unsent.bytes");
            assertThat(held).isBetween(8.0 * MIB, 20.0 * MIB);

            TestStream working = fixture.stream().open(64);
            for (int id = 0; id < 200; id++) {
                working.score(id, tokens(next++));
                long sent = id + 1L;
                await().pollInterval(Duration.ofMillis(1)).until(() -> working.done() > sent - 8);
            }
            await().until(() -> working.done() == 200);
            assertThat(fixture.gauge("lyne.teacher.unsent.bytes")).isEqualTo(held);
            assertThat(stalled.received()).isEmpty();

            stalled.read(Integer.MAX_VALUE);
            await().until(() -> stalled.done() + fixture.refusals("credit_exceeded") == 128);
            await().until(() -> fixture.gauge("lyne.teacher.unsent.bytes") == 0);
            assertThat(stalled.live()).isTrue();
        }
    }

    private static int[] tokens(int number) {
        int[] tokens = new int[LENGTH];
        tokens[0] = number % 1_000;
        tokens[1] = number / 1_000;
        return tokens;
    }
}
