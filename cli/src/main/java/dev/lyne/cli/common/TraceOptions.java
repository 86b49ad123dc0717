package dev.lyne.cli.common;

import java.net.URI;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say where traces go. */
public final class TraceOptions {
    @Option(
            names = "--trace-endpoint",
            paramLabel = "URL",
            description =
                    "Send traces there, to a receiver of OTLP over HTTP, as http://127.0.0.1:4318 (default: nowhere).")
    private @Nullable String endpoint;

    @Option(
            names = "--trace-sample",
            paramLabel = "SHARE",
            defaultValue = "0.01",
            description =
                    "Share of the traces begun here that are recorded, 0 to 1; what others began and record is recorded in any case"
                            + " (default: ${DEFAULT-VALUE}).")
    private double share;

    /**
     * Opens what sends them.
     *
     * @param service name of this process's kind
     * @throws IllegalArgumentException where the receiver's address is none, or the share
     */
    public Telemetry open(String service) {
        if (!(share >= 0 && share <= 1)) {
            throw new IllegalArgumentException("--trace-sample: " + share + " (expected: 0..1)");
        }
        return endpoint == null ? Telemetry.none() : Telemetry.to(service, checked(endpoint), share);
    }

    private static String checked(String url) {
        String base = url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
        try {
            URI uri = URI.create(base);
            if (Set.of("http", "https").contains(String.valueOf(uri.getScheme()))
                    && uri.getHost() != null
                    && uri.getPath().isEmpty()) {
                return base;
            }
        } catch (IllegalArgumentException e) {
            throw refused(url, e);
        }
        throw refused(url, null);
    }

    private static IllegalArgumentException refused(String url, @Nullable Throwable cause) {
        return new IllegalArgumentException(
                "--trace-endpoint: " + url + " (expected: http://HOST:PORT or https://HOST:PORT)", cause);
    }
}
