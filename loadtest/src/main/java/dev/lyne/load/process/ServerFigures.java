package dev.lyne.load.process;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Arrays;
import java.util.regex.Pattern;

/**
 * Counts of a teacher server, scraped from its metrics page.
 *
 * @param positionsScored positions that the model computed
 * @param positionsServed positions sent to students
 * @param bytesServed bytes of the blocks sent
 * @param hits sequences answered from the cache
 * @param coalesced sequences that joined a computation
 * @param misses sequences computed
 */
public record ServerFigures(
        long positionsScored, long positionsServed, long bytesServed, long hits, long coalesced, long misses) {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    /** Scrapes the page at {@code HOST:PORT}. */
    public static ServerFigures scrape(String address) throws IOException, InterruptedException {
        String page = page(address);
        return new ServerFigures(
                sum(page, "lyne_teacher_positions_scored"),
                sum(page, "lyne_teacher_positions_served"),
                sum(page, "lyne_teacher_bytes_served"),
                sum(page, "lyne_teacher_cache_hits"),
                sum(page, "lyne_teacher_cache_coalesced"),
                sum(page, "lyne_teacher_cache_misses"));
    }

    /** A gauge of the page at {@code HOST:PORT}, summed over its labels. */
    public static double gauge(String address, String name) throws IOException, InterruptedException {
        return sum(page(address), name, Pattern.compile(Pattern.quote(name) + "(\\{.*)? .*"));
    }

    /** The series of the page at {@code HOST:PORT} with that name whose labels have that text in them, summed; 0 where there is none. */
    public static double sum(String address, String name, String label) throws IOException, InterruptedException {
        return page(address)
                .lines()
                .filter(line -> line.startsWith(name + "{") && line.contains(label))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    /** Whether the server with the page at {@code HOST:PORT} says within a second that it serves. */
    public static boolean serves(String address) throws InterruptedException {
        var request = HttpRequest.newBuilder(URI.create("http://" + address + "/healthz"))
                .timeout(Duration.ofSeconds(1))
                .build();
        try {
            return CLIENT.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false; // nobody is there, or nobody answers
        }
    }

    private static String page(String address) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create("http://" + address + "/metrics"))
                .timeout(Duration.ofSeconds(10))
                .build();
        return CLIENT.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    public double bytesPerPosition() {
        return positionsServed == 0 ? 0 : (double) bytesServed / positionsServed;
    }

    /** The sum of a counter over its labels. */
    private static long sum(String page, String counter) {
        return Math.round(sum(page, counter, Pattern.compile(counter + "(_\\w+?)?_total(\\{.*)? .*")));
    }

    /** A series that is not there is an error, not a zero. */
    private static double sum(String page, String name, Pattern line) {
        double[] values = page.lines()
                .filter(each -> line.matcher(each).matches())
                .mapToDouble(each -> Double.parseDouble(each.substring(each.lastIndexOf(' ') + 1)))
                .toArray();
        if (values.length == 0) {
            throw new IllegalStateException("the metrics page has no " + name + " (expected: a series of that name)");
        }
        return Arrays.stream(values).sum();
    }
}
