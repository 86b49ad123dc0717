package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.model.FakeTeacher;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

final class MetricsPageTest {
    @Test
    void scrape_afterWork_showsWhatWasScoredAndServed() throws Exception {
        try (ServerFixture fixture = new ServerFixture(
                new FakeTeacher("fake", 1_000, 64),
                options -> options.metrics(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))) {
            fixture.stream()
                    .open(4)
                    .score(1, 1, 2, 3)
                    .awaitDone(1)
                    .score(2, 1, 2, 3)
                    .awaitDone(2);
            HttpResponse<String> page = HttpClient.newHttpClient()
                    .send(
                            HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                                            + fixture.server.metricsPort().orElseThrow() + "/metrics"))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());

            assertThat(page.statusCode()).isEqualTo(200);
            assertThat(page.headers().firstValue("Content-Type").orElseThrow()).startsWith("text/plain; version=0.0.4");
            assertThat(page.body().lines())
                    .contains(
                            "lyne_teacher_positions_scored_total{teacher=\"fake\"} 2.0",
                            "lyne_teacher_positions_served_total{teacher=\"fake\"} 4.0",
                            "lyne_teacher_cache_hits_total{teacher=\"fake\"} 1.0",
                            "lyne_teacher_cache_misses_total{teacher=\"fake\"} 1.0",
                            "lyne_teacher_cache_coalesced_total{teacher=\"fake\"} 0.0",
                            "lyne_teacher_streams 1.0",
                            "lyne_teacher_refusals_total{reason=\"queue_full\"} 0.0");
            assertThat(page.body())
                    .contains(
                            "lyne_teacher_bytes_served_total{",
                            "lyne_teacher_queue_wait_seconds_count{",
                            "lyne_teacher_queue_tokens{",
                            "lyne_teacher_batch_occupancy_sum{",
                            "lyne_teacher_batch_duration_seconds_count{",
                            "lyne_teacher_tenant_positions_total{tenant=\"anybody\"} 4.0",
                            "lyne_teacher_tier_bytes{tier=\"memory\"}",
                            "jvm_memory_used_bytes{");
        }
    }

    @Test
    void status_ofAStreamThatWaits_saysWhoseItIsAndWhatItWaitsFor() throws Exception {
        try (CapturedLog log = new CapturedLog();
                ServerFixture fixture = new ServerFixture(
                        new FakeTeacher("fake", 1_000, 64),
                        options -> options.metrics(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))) {
            fixture.teacher.hold();
            TestStream stream = fixture.stream().open(4).score(1, 1, 2, 3);
            await().until(() -> fixture.teacher.batches().size() == 1);
            stream.score(2, 4, 5, 6);
            await().until(() -> get(fixture, "/status.json").body().contains("\"sequences\":1"));
            assertThat(get(fixture, "/status.json").body())
                    .contains(
                            "\"serving\":true",
                            "\"student\":\"test\",\"teacher\":\"fake\",\"priority\":\"training\",\"waits_for\":\"device\"",
                            "{\"priority\":\"TRAINING\",\"tenant\":\"anybody\",\"streams\":1,\"sequences\":1,");
            assertThat(get(fixture, "/healthz").statusCode()).isEqualTo(200);
            HttpResponse<String> page = get(fixture, "/status");
            assertThat(page.headers().firstValue("Content-Type")).contains("text/html; charset=utf-8");
            assertThat(page.body()).contains("fetch('status.json'").doesNotContain("http://", "https://");
            fixture.teacher.allowAll();
            stream.awaitDone(1, 2).halfClose().awaitEnd();
            await().until(() ->
                    log.lines().stream().anyMatch(line -> line.startsWith("stream ended: stream=1 tenant=anybody")));
            assertThat(log.lines())
                    .anyMatch(line -> line.startsWith(
                            "stream opened: stream=1 tenant=anybody student=test teacher=fake class=training"))
                    .anyMatch(line -> line.contains(" sequences=2 positions=4 bytes=")
                            && line.endsWith(" failures=0 unanswered=0"));
        }
    }

    private static HttpResponse<String> get(ServerFixture fixture, String path) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                                        + fixture.server.metricsPort().orElseThrow() + path))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }
}
