package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.v1.Source;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** A student that disappears takes its own work with it, and nobody else's. */
final class ClientCancelledMidStreamTest {
    @Test
    void callCut_withWorkQueued_dropsItUnrunButWhatAnotherWaitsFor() throws IOException, InterruptedException {
        try (ServerFixture fixture = new ServerFixture()) {
            fixture.teacher.hold();
            TestStream leaving = fixture.stream().open(4).score(1, 1, 2);
            await().until(() -> fixture.teacher.batches().size() == 1);
            leaving.score(2, 3, 4, 5).score(3, 6, 7, 8);
            TestStream staying = fixture.stream().open(4);
            await().until(() -> fixture.gauge("lyne.teacher.queue.sequences") == 2);
            staying.score(1, 6, 7, 8);
            await().until(() -> fixture.counter("lyne.teacher.cache.coalesced") == 1);
            leaving.cut();

            await().until(() -> fixture.gauge("lyne.teacher.queue.sequences") == 1);
            await().until(() -> fixture.gauge("lyne.teacher.streams") == 1);
            assertThat(fixture.gauge("lyne.teacher.sequences.in.flight")).isEqualTo(1);
            fixture.teacher.allowAll();
            staying.awaitDone(1);
            assertThat(staying.rows(1).get(0).getSource()).isEqualTo(Source.SOURCE_COALESCED);
            assertThat(fixture.teacher.sequencesScored()).isEqualTo(2);
            await().until(() -> fixture.gauge("lyne.teacher.admitted.tokens") == 0);
            assertThat(fixture.gauge("lyne.teacher.unsent.bytes")).isZero();
        }
    }
}
