package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.v1.DecodeFailed;
import dev.lyne.v1.DecodeOpened;
import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import dev.lyne.v1.DecodeSequence;
import dev.lyne.v1.DecodedTokens;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTeacherResponse;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherServiceGrpc.TeacherServiceImplBase;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Texts at a replica that refuses sessions or fails every text, beside one that does not, and alone. */
@Timeout(60)
final class FailingDecodingTest {
    private static final StatusRuntimeException NOT_FOUND =
            FakeTeacher.failure(Status.Code.NOT_FOUND, "TEACHER_NOT_FOUND", "teacher: fake (expected: one of [other])");

    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    /** A server that draws token 5, refuses sessions, or fails texts, as it is told. */
    private static final class Decoding extends TeacherServiceImplBase implements AutoCloseable {
        private final Server server;
        private final Teacher teacher;
        private final AtomicInteger opened = new AtomicInteger();
        private final AtomicInteger started = new AtomicInteger();
        private volatile @Nullable StatusRuntimeException refusal;
        private volatile boolean fails;
        private volatile long failingKey = -1;

        Decoding() throws Exception {
            try (FakeTeacher like = new FakeTeacher(1)) {
                teacher = like.description().toBuilder().setDecodes(true).build();
            }
            server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                    .addService(this)
                    .build()
                    .start();
        }

        String address() {
            return "127.0.0.1:" + server.getPort();
        }

        @Override
        public void close() {
            server.shutdownNow();
        }

        @Override
        public void getTeacher(GetTeacherRequest request, StreamObserver<GetTeacherResponse> responses) {
            responses.onNext(GetTeacherResponse.newBuilder().setTeacher(teacher).build());
            responses.onCompleted();
        }

        @Override
        public StreamObserver<DecodeRequest> decode(StreamObserver<DecodeResponse> responses) {
            return new StreamObserver<>() {
                @Override
                public void onNext(DecodeRequest request) {
                    if (request.hasOpen()) {
                        opened.incrementAndGet();
                        StatusRuntimeException refused = refusal;
                        if (refused != null) {
                            responses.onError(refused);
                            return;
                        }
                        responses.onNext(DecodeResponse.newBuilder()
                                .setOpened(DecodeOpened.newBuilder().setTeacher(teacher))
                                .build());
                    } else {
                        request.getStart().getSequencesList().forEach(text -> responses.onNext(answer(text)));
                    }
                }

                @Override
                public void onError(Throwable t) {
                    // the student has gone elsewhere
                }

                @Override
                public void onCompleted() {
                    responses.onCompleted();
                }
            };
        }

        private DecodeResponse answer(DecodeSequence text) {
            started.incrementAndGet();
            if (fails || text.getKey() == failingKey) {
                return DecodeResponse.newBuilder()
                        .setFailed(DecodeFailed.newBuilder()
                                .setSequence(text.getSequence())
                                .setStatus(FakeTeacher.status(Status.Code.INTERNAL, "the model failed")))
                        .build();
            }
            return DecodeResponse.newBuilder()
                    .setDecoded(DecodedTokens.newBuilder()
                            .addSequences(text.getSequence())
                            .addDrawnTokenIds(5)
                            .addLogProbabilities(-1))
                    .build();
        }
    }

    private TeacherClient connect(Decoding first, Decoding second) {
        // The first session of this seed goes to the address that stands second.
        return TeacherClient.connect(second.address() + "," + first.address(), options());
    }

    private ClientOptions options() {
        return Students.optionsBuilder().listener(lines::add).build();
    }

    private static TeacherDecoder decoder(TeacherClient client) {
        return client.decoder(DecodeSettings.plain(1, Set.of()));
    }

    private static List<DecodeEvent> draw(TeacherDecoder decoder, int texts) throws InterruptedException {
        for (int key = 0; key < texts; key++) {
            decoder.start(key, new int[] {1, 2, key}, 1);
        }
        List<DecodeEvent> events = new ArrayList<>();
        while (events.size() < texts) {
            events.add(decoder.take());
        }
        return events;
    }

    @Test
    void take_firstRefusesTheSession_theOtherDecodesAndALineSaysSo() throws Exception {
        try (Decoding refusing = new Decoding();
                Decoding serving = new Decoding();
                TeacherClient client = connect(refusing, serving);
                TeacherDecoder decoder = decoder(client)) {
            refusing.refusal = NOT_FOUND;
            assertThat(draw(decoder, 3)).allMatch(event -> event instanceof DecodeEvent.Answered);
            assertThat(refusing.opened).hasValue(1);
            assertThat(lines)
                    .containsExactly("teacher " + refusing.address()
                            + ": NOT_FOUND: teacher: fake (expected: one of [other]); it is asked again now and"
                            + " then, and others meanwhile");
        }
    }

    @Test
    void take_allRefuseTheSession_endsWithWhatEachSays() throws Exception {
        try (Decoding one = new Decoding();
                Decoding other = new Decoding();
                TeacherClient client = connect(one, other);
                TeacherDecoder decoder = decoder(client)) {
            one.refusal = NOT_FOUND;
            other.refusal =
                    FakeTeacher.failure(Status.Code.UNAUTHENTICATED, "UNAUTHENTICATED", "a token that is not known");
            decoder.start(1, new int[] {1, 2}, 1);
            assertThatThrownBy(decoder::take)
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("teacher " + one.address() + ": NOT_FOUND: teacher: fake")
                    .hasMessageContaining(
                            "teacher " + other.address() + ": UNAUTHENTICATED: a token that is not known");
            assertThat(one.opened).hasValue(1);
            assertThat(other.opened).hasValue(1);
        }
    }

    @Test
    void take_firstFailsEveryText_theOtherDecodesThemAll() throws Exception {
        try (Decoding failing = new Decoding();
                Decoding serving = new Decoding();
                TeacherClient client = connect(failing, serving);
                TeacherDecoder decoder = decoder(client)) {
            failing.fails = true;
            assertThat(draw(decoder, 8)).allMatch(event -> event instanceof DecodeEvent.Answered);
            assertThat(failing.started.get()).isBetween(2, 20);
        }
    }

    @Test
    void take_loneReplicaFailsOneText_thatIsGivenUpAndTheOthersAreNot() throws Exception {
        try (Decoding lone = new Decoding();
                TeacherClient client = TeacherClient.connect(lone.address(), options());
                TeacherDecoder decoder = decoder(client)) {
            lone.failingKey = 2;
            List<DecodeEvent> events = draw(decoder, 5);
            assertThat(events)
                    .filteredOn(event -> event instanceof DecodeEvent.Answered)
                    .hasSize(4);
            assertThat(events)
                    .filteredOn(event -> event instanceof DecodeEvent.Failed)
                    .singleElement()
                    .isInstanceOfSatisfying(
                            DecodeEvent.Failed.class,
                            failed -> assertThat(failed.key()).isEqualTo(2));
            assertThat(lone.started).hasValue(4 + 3);
        }
    }
}
