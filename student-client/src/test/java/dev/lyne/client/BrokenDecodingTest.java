package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.v1.DecodeOpened;
import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import dev.lyne.v1.DecodedTokens;
import dev.lyne.v1.GetTeacherRequest;
import dev.lyne.v1.GetTeacherResponse;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherServiceGrpc.TeacherServiceImplBase;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A server that opens every session and answers with what cannot be. */
final class BrokenDecodingTest {
    private final AtomicInteger opened = new AtomicInteger();

    private final class Broken extends TeacherServiceImplBase {
        private final Teacher teacher;
        private final DecodedTokens answer;

        Broken(Teacher teacher, DecodedTokens answer) {
            this.teacher = teacher;
            this.answer = answer;
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
                        responses.onNext(DecodeResponse.newBuilder()
                                .setOpened(DecodeOpened.newBuilder().setTeacher(teacher))
                                .build());
                    } else {
                        responses.onNext(
                                DecodeResponse.newBuilder().setDecoded(answer).build());
                    }
                }

                @Override
                public void onError(Throwable t) {
                    // the student has had enough
                }

                @Override
                public void onCompleted() {
                    responses.onCompleted();
                }
            };
        }
    }

    @ParameterizedTest
    @CsvSource({"60, -1, tokens [60] with log-probabilities [-1.0]", "5, NaN, tokens [5] with log-probabilities [NaN]"})
    void take_answerThatCannotBe_isRefusedAndTheServerNotAskedWithoutAPause(int id, float plain, String said)
            throws Exception {
        try (FakeTeacher like = new FakeTeacher(1)) {
            Teacher teacher = like.description().toBuilder().setDecodes(true).build();
            DecodedTokens answer = DecodedTokens.newBuilder()
                    .addSequences(0)
                    .addDrawnTokenIds(id)
                    .addLogProbabilities(plain)
                    .build();
            Server server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                    .addService(new Broken(teacher, answer))
                    .build()
                    .start();
            TeacherClient.connect("127.0.0.1:" + server.getPort(), ClientOptions.defaults())
                    .close(); // the first connection of a process takes longer than what follows is patient
            ClientOptions options = ClientOptions.builder()
                    .retryFor(Duration.ofMillis(500))
                    .backoff(Duration.ofMillis(20), Duration.ofMillis(100))
                    .build();
            try (TeacherClient client = TeacherClient.connect("127.0.0.1:" + server.getPort(), options);
                    TeacherDecoder decoder = client.decoder(DecodeSettings.plain(1, Set.of()))) {
                decoder.start(1, new int[] {1, 2}, 1);
                assertThatThrownBy(decoder::take)
                        .isInstanceOf(TeacherUnavailableException.class)
                        .hasMessageContaining("broke the protocol: " + said + " (expected: ids below 60");
            } finally {
                server.shutdownNow();
            }
            assertThat(opened.get()).isBetween(2, 100);
        }
    }
}
