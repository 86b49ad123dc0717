package dev.lyne.teacher.server;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Serves the meters as Prometheus text at `/metrics`. */
final class MetricsPage implements AutoCloseable {
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
        http.createContext("/metrics", exchange -> answer(exchange, registry));
        http.start();
    }

    int port() {
        return http.getAddress().getPort();
    }

    private static void answer(HttpExchange exchange, PrometheusMeterRegistry registry) throws IOException {
        try (exchange) {
            if (!exchange.getRequestMethod().equals("GET")) {
                exchange.sendResponseHeaders(405, -1);
                return;
            }
            byte[] page = registry.scrape().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
            exchange.sendResponseHeaders(200, page.length);
            exchange.getResponseBody().write(page);
        }
    }

    @Override
    public void close() {
        http.stop(0);
        executor.shutdownNow();
    }
}
