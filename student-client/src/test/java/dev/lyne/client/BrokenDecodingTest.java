package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.DecodeResponse;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A server that opens every session and answers with what cannot be. */
final class BrokenDecodingTest {
    private static final class Broken extends DecodingServer {
        private final DecodeResponse answer;

        Broken(DecodeResponse answer) throws Exception {
            this.answer = answer;
        }

        @Override
        void answer(DecodeRequest request, StreamObserver<DecodeResponse> responses) {
            responses.onNext(answer);
        }
    }

    @ParameterizedTest
    @CsvSource({"60, -1, tokens [60] with log-probabilities [-1.0]", "5, NaN, tokens [5] with log-probabilities [NaN]"})
    void take_answerThatCannotBe_isRefusedAndTheServerNotAskedWithoutAPause(int id, float plain, String said)
            throws Exception {
        try (DecodingServer server = new Broken(DecodingServer.drawn(0, id, plain))) {
            TeacherClient.connect(server.address(), ClientOptions.defaults())
                    .close(); // the first connection of a process takes longer than the others' timeout
            ClientOptions options = ClientOptions.builder()
                    .retryFor(Duration.ofMillis(500))
                    .backoff(Duration.ofMillis(20), Duration.ofMillis(100))
                    .build();
            try (TeacherClient client = TeacherClient.connect(server.address(), options);
                    TeacherDecoder decoder = client.decoder(DecodeSettings.plain(1, Set.of()))) {
                decoder.start(1, new int[] {1, 2}, 1);
                assertThatThrownBy(decoder::take)
                        .isInstanceOf(TeacherUnavailableException.class)
                        .hasMessageContaining("broke the protocol: " + said + " (expected: ids below 60");
            }
            assertThat(server.opened.get()).isBetween(2, 100);
        }
    }
}
