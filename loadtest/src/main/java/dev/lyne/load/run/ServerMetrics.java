package dev.lyne.load.run;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/** Reads a server's metrics page. */
final class ServerMetrics {
    private static final String PREFIX = "lyne_";

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();
    private final HttpRequest request;
    private final Map<String, Double> before = new TreeMap<>();
    private final Map<String, Double> gaugeSums = new TreeMap<>();
    private int looks;

    /** @param address HOST:PORT */
    ServerMetrics(String address) {
        this.request = HttpRequest.newBuilder(URI.create("http://" + address + "/metrics"))
                .timeout(Duration.ofSeconds(2))
                .build();
    }

    /** The window begins. */
    void begin() throws IOException, InterruptedException {
        before.clear();
        before.putAll(read());
        gaugeSums.clear();
        looks = 0;
    }

    /** A moment of the window. */
    void look() throws IOException, InterruptedException {
        looks++;
        read().forEach((series, value) -> {
            if (!isCounter(series)) {
                gaugeSums.merge(series, value, Double::sum);
            }
        });
    }

    /** The window ends: differences of counters, means of gauges. */
    Map<String, Double> end() throws IOException, InterruptedException {
        Map<String, Double> figures = new TreeMap<>();
        read().forEach((series, value) -> {
            if (isCounter(series)) {
                double difference = value - before.getOrDefault(series, 0.0);
                if (difference != 0) {
                    figures.put(series, difference);
                }
            }
        });
        gaugeSums.forEach((series, sum) -> figures.put(series, sum / Math.max(1, looks)));
        return figures;
    }

    private static boolean isCounter(String series) {
        int labels = series.indexOf('{');
        String name = labels < 0 ? series : series.substring(0, labels);
        return name.endsWith("_total") || name.endsWith("_count") || name.endsWith("_sum");
    }

    private Map<String, Double> read() throws IOException, InterruptedException {
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException(request.uri() + ": status " + answer.statusCode() + " (expected: 200)");
        }
        return parse(answer.body());
    }

    /** Lyne's series of a page in Prometheus's text format; quantiles and maxima are left out. */
    static Map<String, Double> parse(String page) {
        Map<String, Double> values = new TreeMap<>();
        page.lines()
                .filter(line -> line.startsWith(PREFIX) && !line.contains("quantile=") && !line.contains("_max"))
                .forEach(line -> {
                    int space = line.lastIndexOf(' ');
                    values.put(line.substring(0, space), Double.parseDouble(line.substring(space + 1)));
                });
        return values;
    }
}
