package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.rpc.RetryInfo;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.v1.SequenceFailed;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A server that goes away owes what it accepted, and says so to everybody else. */
final class DrainFinishesAcceptedWorkTest {
    private static CompletableFuture<Void> drain(TeacherServer server) {
        return CompletableFuture.runAsync(() -> {
            try {
                server.drain();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Test
    void drain_withWorkInFlight_answersItRefusesTheRestAndEndsEveryStream() throws Exception {
        try (ServerFixture fixture = new ServerFixture()) {
            HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(fixture.channel());
            assertThat(health.check(HealthCheckRequest.getDefaultInstance()).getStatus())
                    .isEqualTo(ServingStatus.SERVING);
            fixture.teacher.hold();
            TestStream working = fixture.stream().open(4).score(1, 1, 2, 3).score(2, 4, 5, 6);
            TestStream idle = fixture.stream().open(4);
            TestStream unopened = fixture.stream();
            await().until(() -> fixture.gauge("lyne.teacher.sequences.in.flight") == 2);
            await().until(() -> fixture.gauge("lyne.teacher.streams") == 3);
            CompletableFuture<Void> drained = drain(fixture.server);

            assertThat(idle.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(unopened.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            com.google.rpc.Status details = StatusProto.fromThrowable(idle.error());
            assertThat(details).isNotNull();
            assertThat(details.getDetails(1)
                            .unpack(RetryInfo.class)
                            .getRetryDelay()
                            .getSeconds())
                    .isEqualTo(1);
            assertThat(health.check(HealthCheckRequest.getDefaultInstance()).getStatus())
                    .isEqualTo(ServingStatus.NOT_SERVING);
            assertThat(fixture.stream().open(4).awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            await().until(() -> working.received().stream()
                    .anyMatch(response ->
                            response.hasCredit() && response.getCredit().getSequences() == 0));
            working.score(3, 7, 8, 9);
            SequenceFailed refused = working.awaitFailed(3);
            assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE.value());
            assertThat(drained).isNotDone();

            fixture.teacher.allowAll();
            assertThat(working.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(working.done(1) && working.done(2)).isTrue();
            drained.get();
            fixture.server.awaitTermination();
            assertThat(fixture.teacher.closed()).isTrue();
        }
    }

    @Test
    void drain_withAnHttpRequestInFlight_answersIt() throws Exception {
        try (ServerFixture fixture = new ServerFixture(
                new FakeTeacher("fake", 1_000, 1_024),
                options -> options.http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))) {
            fixture.teacher.hold();
            HttpRequest request = HttpRequest.newBuilder(URI.create(
                            "http://127.0.0.1:" + fixture.server.httpPort().orElseThrow() + "/v1/completions"))
                    .POST(HttpRequest.BodyPublishers.ofString(
                            "{\"prompt\": [1,2,3], \"max_tokens\": 0, \"prompt_logprobs\": 2}"))
                    .build();
            CompletableFuture<HttpResponse<String>> answer =
                    HttpClient.newHttpClient().sendAsync(request, HttpResponse.BodyHandlers.ofString());
            await().until(() -> fixture.teacher.batches().size() == 1);
            CompletableFuture<Void> drained = drain(fixture.server);
            await().until(() -> refusesConnections(fixture.server.httpPort().orElseThrow()));
            assertThat(answer).isNotDone();
            assertThat(drained).isNotDone();

            fixture.teacher.allowAll();
            assertThat(answer.get().statusCode()).isEqualTo(200);
            assertThat(answer.get().body()).contains("prompt_logprobs").endsWith("}");
            drained.get();
        }
    }

    private static boolean refusesConnections(int port) {
        try (Socket unused = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void drain_withAForwardThatDoesNotEnd_endsAtItsTimeout() throws Exception {
        try (ServerFixture fixture = new ServerFixture(
                new FakeTeacher("fake", 1_000, 1_024), options -> options.drainTimeout(Duration.ofMillis(200)))) {
            fixture.teacher.hold();
            TestStream waiting = fixture.stream().open(4).score(1, 1, 2, 3);
            await().until(() -> fixture.teacher.batches().size() == 1);
            drain(fixture.server).get();

            assertThat(waiting.awaitEnd().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(fixture.teacher.closed()).as("it is still computing").isFalse();
        }
    }

    @Test
    void drain_withAReaderThatStalls_endsAtItsTimeout() throws Exception {
        try (ServerFixture fixture = new ServerFixture(
                new FakeTeacher("fake", 1_000, 1_024), options -> options.drainTimeout(Duration.ofMillis(200)))) {
            TestStream stalled = TestStream.stalled(fixture.channel()).open(64);
            for (int id = 0; id < 20; id++) {
                int[] tokens = new int[1_024];
                tokens[0] = id;
                stalled.score(id, tokens);
            }
            await().until(() -> fixture.teacher.sequencesScored() == 20);
            drain(fixture.server).get();

            assertThat(fixture.teacher.closed()).isTrue();
        }
    }
}
