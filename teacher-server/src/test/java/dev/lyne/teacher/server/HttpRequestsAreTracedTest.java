package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.model.FakeTeacher;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

/** Requests of the HTTP door have spans as calls of gRPC have. */
final class HttpRequestsAreTracedTest {
    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String PARENT = "00f067aa0ba902b7";
    private static final AttributeKey<Long> STATUS = AttributeKey.longKey("http.response.status_code");

    private final RecordedSpans spans = new RecordedSpans();

    private ServerFixture serve() throws Exception {
        return new ServerFixture(
                new FakeTeacher("fake", 1_000, 64),
                options -> options.http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .telemetry(spans.telemetry()));
    }

    private static HttpRequest.Builder request(ServerFixture fixture, String path) {
        return HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:" + fixture.server.httpPort().orElseThrow() + path));
    }

    private static int send(HttpRequest.Builder request) throws Exception {
        return HttpClient.newHttpClient()
                .send(request.build(), HttpResponse.BodyHandlers.ofString())
                .statusCode();
    }

    private static HttpRequest.Builder completion(ServerFixture fixture, String model) {
        return request(fixture, "/v1/completions?a=b")
                .header("traceparent", "00-" + TRACE + "-" + PARENT + "-01")
                .POST(HttpRequest.BodyPublishers.ofString("{\"model\": \"" + model
                        + "\", \"prompt\": [[1,2,3],[4,5,6,7]], \"max_tokens\": 0, \"prompt_logprobs\": 2}"));
    }

    private SpanData awaitOne(String name) {
        await().until(() -> spans.named(name).size() == 1);
        return spans.named(name).get(0);
    }

    @Test
    void completion_isInItsCallersTraceAndEachPromptIsInIt() throws Exception {
        try (ServerFixture fixture = serve()) {
            assertThat(send(completion(fixture, "fake"))).isEqualTo(200);
            SpanData request = awaitOne("POST /v1/completions");
            assertThat(request.getTraceId()).isEqualTo(TRACE);
            assertThat(request.getParentSpanId()).isEqualTo(PARENT);
            assertThat(request.getKind()).isEqualTo(SpanKind.SERVER);
            assertThat(request.getAttributes().get(STATUS)).isEqualTo(200);
            assertThat(request.getAttributes().get(AttributeKey.stringKey("lyne.teacher")))
                    .isEqualTo("fake");
            assertThat(request.getAttributes().get(AttributeKey.stringKey("lyne.tenant")))
                    .isEqualTo("anybody");
            assertThat(spans.within(request)).containsExactly("lyne.sequence", "lyne.sequence");
            assertThat(spans.named("lyne.sequence"))
                    .extracting(span -> span.getAttributes().get(AttributeKey.longKey("lyne.tokens")))
                    .containsExactly(3L, 4L);
            assertThat(spans.named("lyne.sequence"))
                    .allSatisfy(prompt -> assertThat(spans.within(prompt))
                            .containsExactly(
                                    "lyne.admission",
                                    "lyne.lookup",
                                    "lyne.queue",
                                    "lyne.compute",
                                    "lyne.encode",
                                    "lyne.send"));
        }
    }

    @Test
    void refusal_isASpanWithItsStatus_andAProbeIsNone() throws Exception {
        try (ServerFixture fixture = serve()) {
            assertThat(send(request(fixture, "/health").GET())).isEqualTo(200);
            assertThat(send(completion(fixture, "other"))).isEqualTo(404);
            SpanData request = awaitOne("POST /v1/completions");
            assertThat(request.getAttributes().get(STATUS)).isEqualTo(404);
            assertThat(request.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
            assertThat(send(request(fixture, "/a/path/of/anybody").GET())).isEqualTo(404);
            assertThat(awaitOne("GET").getAttributes().get(STATUS)).isEqualTo(404);
            assertThat(spans.named("GET /health")).isEmpty();
        }
    }
}
