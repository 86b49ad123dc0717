package dev.lyne.teacher.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lyne.teacher.model.FakeTeacher;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class MetricsPageTest {
    private static final int MANY_BYTES = 16 << 20;
    private static final InetSocketAddress ANY = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

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
                            "process_resident_memory_bytes ",
                            "process_native_memory_bytes ",
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
                            "\"heap_bytes\":",
                            "\"resident_bytes\":",
                            "\"native_bytes\":",
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
                    .anyMatch(line -> line.contains(" reason=done sequences=2 positions=4 bytes=")
                            && line.endsWith(" failures=0 unanswered=0"));
        }
    }

    /** Half a request, a reader that reads nothing, and a status that does not come: who asks beside them is answered. */
    @Test
    void healthz_besideThoseWhoHoldTheirConnections_isAnswered() throws Exception {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        fill(registry);
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch asked = new CountDownLatch(2);
        List<Socket> sockets = new ArrayList<>();
        try (MetricsPage page = new MetricsPage(ANY, registry, MetricsPage.Limits.DEFAULT)) {
            page.show(new MetricsPage.Shown() {
                @Override
                public boolean serving() {
                    return true;
                }

                @Override
                public ServerStatus status() {
                    asked.countDown();
                    try {
                        held.await();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                    throw new IllegalStateException("no status in this test");
                }
            });
            for (int i = 0; i < 8; i++) {
                sockets.add(send(page.port(), "GET /metrics HTTP/1.1\r\nHo"));
                sockets.add(send(page.port(), "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")); // its answer is never read
            }
            HttpResponse<String> metrics = get(page.port(), "/metrics");
            assertThat(metrics.statusCode()).isEqualTo(200);
            assertThat(metrics.body()).hasSizeGreaterThan(MANY_BYTES).contains("large_total{of=\"1 ");
            sockets.add(send(page.port(), "GET /status.json HTTP/1.1\r\nHost: a\r\n\r\n"));
            sockets.add(send(page.port(), "GET /status.json HTTP/1.1\r\nHost: a\r\n\r\n"));
            asked.await();
            HttpResponse<String> health = get(page.port(), "/healthz");
            assertThat(health.statusCode()).isEqualTo(200);
            assertThat(health.body()).isEqualTo("SERVING\n");
        } finally {
            held.countDown();
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void request_thatIsNotWholeInTime_endsItsConnection() throws Exception {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        MetricsPage.Limits limits = new MetricsPage.Limits(Duration.ofMillis(300), Duration.ofSeconds(30));
        try (MetricsPage page = new MetricsPage(ANY, registry, limits);
                Socket half = send(page.port(), "GET /healthz HTTP/1.1\r\nHo");
                Socket silent = send(page.port(), "")) {
            assertThat(half.getInputStream().read()).as("end of stream").isEqualTo(-1);
            assertThat(silent.getInputStream().read()).as("end of stream").isEqualTo(-1);
        }
    }

    @Test
    void answer_thatIsNotReadInTime_endsItsConnection() throws Exception {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        fill(registry);
        MetricsPage.Limits limits = new MetricsPage.Limits(Duration.ofMinutes(2), Duration.ofMillis(300));
        try (MetricsPage page = new MetricsPage(ANY, registry, limits);
                Socket unread = send(page.port(), "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")) {
            await().until(() -> page.openConnections() == 1);
            await().until(() -> page.openConnections() == 0);
            assertThat(unread.getInputStream().read())
                    .as("what had left before")
                    .isEqualTo('H');
        }
    }

    @ParameterizedTest
    @CsvSource({
        "/healthz, GET, 503",
        "/status.json, GET, 503",
        "/metrics, POST, 405",
        "/healthzzz, GET, 404",
        "/, GET, 404"
    })
    void request_ofWhatThereIsNot_isRefused(String path, String method, int code) throws Exception {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (MetricsPage page = new MetricsPage(ANY, registry, MetricsPage.Limits.DEFAULT)) {
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + page.port() + path))
                    .method(method, HttpRequest.BodyPublishers.noBody())
                    .build();
            assertThat(HttpClient.newHttpClient()
                            .send(request, HttpResponse.BodyHandlers.ofString())
                            .statusCode())
                    .isEqualTo(code);
        }
    }

    @Test
    void open_anAddressInUse_namesIt() throws Exception {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (MetricsPage page = new MetricsPage(ANY, registry, MetricsPage.Limits.DEFAULT)) {
            InetSocketAddress taken = new InetSocketAddress(InetAddress.getLoopbackAddress(), page.port());
            assertThatThrownBy(() -> new MetricsPage(taken, registry, MetricsPage.Limits.DEFAULT).close())
                    .isInstanceOf(IOException.class)
                    .hasMessageMatching("--metrics: .*127\\.0\\.0\\.1:" + page.port() + ": .*in use");
        }
    }

    /** Makes the page larger than what sockets hold. */
    private static void fill(PrometheusMeterRegistry registry) {
        String much = "a".repeat(MANY_BYTES / 1000);
        IntStream.range(0, 1000)
                .forEach(each ->
                        registry.counter("large", "of", each + " " + much).increment());
    }

    private static Socket send(int port, String text) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(4096);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
        socket.getOutputStream().flush();
        return socket;
    }

    private static HttpResponse<String> get(int port, String path) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    private static HttpResponse<String> get(ServerFixture fixture, String path) throws Exception {
        return get(fixture.server.metricsPort().orElseThrow(), path);
    }
}
