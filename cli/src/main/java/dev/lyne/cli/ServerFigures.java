package dev.lyne.cli;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/**
 * What a teacher server has counted, scraped from its metrics page.
 *
 * @param positionsScored positions that the model computed
 * @param positionsServed positions sent to students
 * @param bytesServed bytes of the blocks sent
 * @param hits sequences answered from the cache
 * @param coalesced sequences that joined a computation
 * @param misses sequences computed
 */
record ServerFigures(
        long positionsScored, long positionsServed, long bytesServed, long hits, long coalesced, long misses) {
    /** Scrapes the page at {@code HOST:PORT}. */
    static ServerFigures scrape(String address) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create("http://" + address + "/metrics"))
                .timeout(Duration.ofSeconds(10))
                .build();
        String page = HttpClient.newHttpClient()
                .send(request, HttpResponse.BodyHandlers.ofString())
                .body();
        return new ServerFigures(
                sum(page, "lyne_teacher_positions_scored"),
                sum(page, "lyne_teacher_positions_served"),
                sum(page, "lyne_teacher_bytes_served"),
                sum(page, "lyne_teacher_cache_hits"),
                sum(page, "lyne_teacher_cache_coalesced"),
                sum(page, "lyne_teacher_cache_misses"));
    }

    double bytesPerPosition() {
        return positionsServed == 0 ? 0 : (double) bytesServed / positionsServed;
    }

    /** The sum of a counter over its labels; a counter that is not there is an error, not a zero. */
    private static long sum(String page, String counter) {
        double[] values = page.lines()
                .filter(line -> line.matches(counter + "(_\\w+?)?_total(\\{.*)? .*"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .toArray();
        if (values.length == 0) {
            throw new IllegalStateException(
                    "the metrics page has no " + counter + " (expected: a counter of that name)");
        }
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return Math.round(sum);
    }
}
