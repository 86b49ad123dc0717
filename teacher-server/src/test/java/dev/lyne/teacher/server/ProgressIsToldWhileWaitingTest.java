package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.v1.ScoreSequencesResponse;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A student that waits is told every five seconds how far the device is; one that waits for nothing is told nothing. */
final class ProgressIsToldWhileWaitingTest {
    private static List<Long> told(TestStream stream) {
        return stream.received().stream()
                .filter(ScoreSequencesResponse::hasProgress)
                .map(response -> response.getProgress().getDevicePositions())
                .toList();
    }

    @Test
    void sequenceInFlight_itsStreamIsToldTheDevicesCounter() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            TestStream idle = fixture.stream().open(4);
            TestStream waiting = fixture.stream().open(4).score(1, 1, 2, 3).awaitDone(1);
            fixture.teacher.hold();
            waiting.score(2, 4, 5, 6, 7);
            await().until(() -> told(waiting).size() > 1);
            fixture.teacher.allowAll();
            waiting.awaitDone(2);

            assertThat(told(waiting)).containsOnly(2L);
            assertThat(told(idle)).isEmpty();
        }
    }
}
