package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A student whose process does not run for longer than its progress timeout: its clock jumps. */
final class SuspendedDecodingTest {
    private static final Duration RETRY = Duration.ofMinutes(10);
    private static final Duration SUSPENDED = Duration.ofHours(1);

    /** So often the clock is looked at after the jump before the answer comes. */
    private static final int LOOKS = 40;

    private final AtomicLong jumpedNanos = new AtomicLong();
    private final AtomicInteger looks = new AtomicInteger();
    private final CountDownLatch asked = new CountDownLatch(1);
    private volatile @Nullable StreamObserver<DecodeResponse> waiting;
    private volatile boolean answers = true;
    private Slow server;

    /** A server whose answers come when the clock says so. */
    private final class Slow extends DecodingServer {
        Slow() throws Exception {}

        @Override
        void answer(DecodeRequest request, StreamObserver<DecodeResponse> responses) {
            if (request.hasStart()) {
                waiting = responses;
                asked.countDown();
            }
        }
    }

    /** The clock of a student that is suspended as soon as the server was asked. */
    private long now() {
        StreamObserver<DecodeResponse> to = waiting;
        if (to != null) {
            jumpedNanos.compareAndSet(0, SUSPENDED.toNanos());
            if (looks.incrementAndGet() == LOOKS && answers) {
                to.onNext(DecodingServer.drawn(0, 5, -1));
            }
        }
        return System.nanoTime() + jumpedNanos.get();
    }

    @BeforeEach
    void serve() throws Exception {
        server = new Slow();
    }

    @AfterEach
    void end() {
        server.close();
    }

    private TeacherClient connect(Duration retry) {
        ClientOptions options = ClientOptions.builder().retryFor(retry).build();
        return new TeacherClient(server.address(), options, this::now, InetAddress::getAllByName);
    }

    @Test
    void take_suspendedForLongerThanTheTimeout_waitsOnAndIsAnsweredByTheSameCall() throws Exception {
        try (TeacherClient client = connect(RETRY);
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(1, Set.of()))) {
            decoder.start(1, new int[] {1, 2}, 1);
            assertThat(decoder.take()).isInstanceOf(DecodeEvent.Answered.class);
            assertThat(looks.get()).isGreaterThanOrEqualTo(LOOKS);
            assertThat(decoder.statistics().calls()).isEqualTo(1);
        }
    }

    /** Between two calls of the decoder, too, where a student computes its own tokens. */
    @Test
    void poll_suspendedBetweenCalls_waitsOn() throws Exception {
        try (TeacherClient client = connect(RETRY);
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(1, Set.of()))) {
            decoder.start(1, new int[] {1, 2}, 1);
            assertThat(decoder.poll()).isEmpty();
            asked.await();
            assertThat(decoder.poll()).isEmpty();
            assertThat(decoder.take()).isInstanceOf(DecodeEvent.Answered.class);
        }
    }

    /** Time that was suspended is all that is given back: a server that does not answer is given up as ever. */
    @Test
    void take_suspendedAndNeverAnswered_isGivenUpInTheEnd() throws Exception {
        answers = false;
        try (TeacherClient client = connect(Duration.ofSeconds(1));
                TeacherDecoder decoder = client.decoder(DecodeSettings.plain(1, Set.of()))) {
            decoder.start(1, new int[] {1, 2}, 1);
            assertThatThrownBy(decoder::take)
                    .isInstanceOf(TeacherUnavailableException.class)
                    .hasMessageContaining("no answer for 1 s");
            assertThat(looks.get()).as("looks after the jump").isGreaterThan(5);
        }
    }
}
