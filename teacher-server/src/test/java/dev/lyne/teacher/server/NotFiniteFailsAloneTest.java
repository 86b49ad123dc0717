package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.v1.SequenceFailed;
import io.grpc.Status;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Logits that are not finite cost their own sequence, and no other of the same batch. */
final class NotFiniteFailsAloneTest {
    @Test
    void notFinite_inABatchOfThree_failsThatSequenceNamingThePosition() throws IOException, InterruptedException {
        try (ServerFixture fixture = new ServerFixture()) {
            fixture.teacher.hold();
            fixture.teacher.notFiniteAt(13);
            TestStream stream = fixture.stream().open(4).score(1, 1, 2, 3);
            await().until(() -> fixture.teacher.batches().size() == 1);
            stream.score(2, 4, 5, 6).score(3, 7, 13, 8).score(4, 9, 10, 11);
            await().until(() -> fixture.gauge("lyne.teacher.queue.sequences") == 3);
            fixture.teacher.allowAll();

            SequenceFailed failed = stream.awaitFailed(3);
            assertThat(failed.getStatus().getCode()).isEqualTo(Status.Code.DATA_LOSS.value());
            assertThat(failed.getStatus().getMessage())
                    .isEqualTo("logits at position 1 are not finite (expected: finite)");
            stream.awaitDone(1, 2, 4);
            assertThat(stream.rows(3)).isEmpty();
            assertThat(fixture.teacher.batches().get(1).items()).hasSize(3);
        }
    }
}
