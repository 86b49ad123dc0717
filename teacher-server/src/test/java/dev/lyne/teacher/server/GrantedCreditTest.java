package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.RetryInfo;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.v1.SequenceFailed;
import io.grpc.Status;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How much a stream may have in flight, over a real connection. */
final class GrantedCreditTest {
    private ServerFixture fixture;

    @BeforeEach
    void start() throws IOException, InterruptedException {
        ServerLimits limits = ServerLimits.DEFAULT
                .withStream(4, 3_000, 16 << 20)
                .withRows(64, 4, 1 << 20)
                .withQueuedTokens(1 << 20);
        fixture = new ServerFixture(new FakeTeacher("fake", 1_000, 1_024), options -> options.limits(limits));
    }

    @AfterEach
    void stop() throws InterruptedException {
        fixture.close();
    }

    private static int[] tokens(int count, int seed) {
        return IntStream.range(0, count).map(i -> (seed + 31 * i) % 1_000).toArray();
    }

    @Test
    void sequence_beyondCredit_isRefusedAloneWithADelay() throws InvalidProtocolBufferException {
        fixture.teacher.hold();
        TestStream stream = fixture.stream().open(4);
        for (int id = 1; id <= 5; id++) {
            stream.score(id, 5, 6, id);
        }

        SequenceFailed refused = stream.awaitFailed(5);
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED.value());
        assertThat(refused.getStatus().getMessage())
                .isEqualTo("sequences in flight: 5 (expected: at most the granted 4)");
        assertThat(refused.getStatus().getDetails(1).unpack(RetryInfo.class).getRetryDelay())
                .isEqualTo(com.google.protobuf.Duration.newBuilder()
                        .setNanos(50_000_000)
                        .build());
        fixture.teacher.allowAll();
        stream.awaitDone(1, 2, 3, 4);
        stream.score(5, 5, 6, 5).awaitDone(5);
    }

    @Test
    void sequence_beyondTokenCredit_isRefusedButOneAloneNever() {
        fixture.teacher.hold();
        TestStream stream = fixture.stream().open(4);
        stream.score(1, tokens(1_024, 1)).score(2, tokens(1_024, 2)).score(3, tokens(1_024, 3));

        assertThat(stream.awaitFailed(3).getStatus().getMessage())
                .isEqualTo("tokens in flight: 3072 (expected: at most the granted 3000)");
    }

    @Test
    void opened_selectionWithLongRows_grantsFewerTokens() throws Exception {
        ServerLimits limits = ServerLimits.DEFAULT
                .withStream(64, 1 << 16, 1 << 20)
                .withRows(1_000, 4, 1 << 20)
                .withQueuedTokens(1 << 20);
        try (ServerFixture small =
                new ServerFixture(new FakeTeacher("fake", 1_000, 1_024), options -> options.limits(limits))) {
            TestStream narrow = small.stream().open(4);
            TestStream wide = small.stream().open(1_000);
            await().until(() -> !narrow.received().isEmpty() && !wide.received().isEmpty());

            assertThat(narrow.received().get(0).getOpened().getCredit().getTokens())
                    .isEqualTo((1 << 20) / 52);
            assertThat(wide.received().get(0).getOpened().getCredit().getTokens())
                    .isEqualTo((1 << 20) / 8_020);
        }
    }

    @Test
    void credit_spentAgainTheMomentDoneIsRead_isNeverExceeded() throws Exception {
        ServerLimits one = ServerLimits.DEFAULT
                .withStream(1, 3_000, 16 << 20)
                .withRows(64, 4, 1 << 20)
                .withQueuedTokens(1 << 20);
        try (ServerFixture narrow =
                new ServerFixture(new FakeTeacher("fake", 1_000, 64), options -> options.limits(one))) {
            TestStream stream = narrow.stream().open(4);
            AtomicInteger next = new AtomicInteger(1);
            stream.whenDone(() -> {
                if (next.get() < 300) {
                    stream.score(7, 1, next.incrementAndGet());
                }
            });
            stream.score(7, 1, 1);

            await().until(() -> stream.done() == 300 || !stream.live());
            assertThat(stream.live()).isTrue();
            assertThat(stream.failed(7)).isEmpty();
        }
    }
}
