package dev.lyne.teacher.server;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * Serves the meters as Prometheus text at `/metrics`; for people, what the server does now at `/status`, and the same as JSON at
 * `/status.json`; for probes, whether it serves at `/healthz`.
 */
final class MetricsPage implements AutoCloseable {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    private volatile Optional<Supplier<ServerStatus>> status = Optional.empty();
    private final HttpServer http;
    private final ExecutorService executor;

    MetricsPage(InetSocketAddress address, PrometheusMeterRegistry registry) throws IOException {
        this.executor = Executors.newSingleThreadExecutor(runnable -> {
            Thread thread = new Thread(runnable, "lyne-metrics");
            thread.setDaemon(true);
            return thread;
        });
        this.http = HttpServer.create(address, 16);
        http.setExecutor(executor);
        http.createContext(
                "/metrics",
                exchange -> answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", registry::scrape));
        http.createContext("/status.json", exchange -> {
            String status = json();
            answer(exchange, status.isEmpty() ? 503 : 200, "application/json", () -> status);
        });
        http.createContext("/status", exchange -> answer(exchange, 200, "text/html; charset=utf-8", MetricsPage::page));
        http.createContext("/healthz", exchange -> {
            boolean serving = status.map(now -> now.get().serving()).orElse(false);
            answer(
                    exchange,
                    serving ? 200 : 503,
                    "text/plain; charset=utf-8",
                    () -> serving ? "SERVING\n" : "NOT_SERVING\n");
        });
        http.start();
    }

    /** From now on shows what the server does. */
    void show(Supplier<ServerStatus> now) {
        status = Optional.of(now);
    }

    private String json() {
        return status.map(now -> MAPPER.writeValueAsString(now.get())).orElse("");
    }

    private static String page() {
        try (InputStream page = MetricsPage.class.getResourceAsStream("status.html")) {
            return new String(Objects.requireNonNull(page, "status.html").readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int port() {
        return http.getAddress().getPort();
    }

    private static void answer(HttpExchange exchange, int code, String type, Supplier<String> text) throws IOException {
        try (exchange) {
            if (!exchange.getRequestMethod().equals("GET")) {
                exchange.sendResponseHeaders(405, -1);
                return;
            }
            byte[] page = text.get().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", type);
            exchange.sendResponseHeaders(code, page.length);
            exchange.getResponseBody().write(page);
        }
    }

    @Override
    public void close() {
        http.stop(0);
        executor.shutdownNow();
    }
}
