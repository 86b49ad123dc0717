package dev.lyne.student.page;

import dev.lyne.files.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;

/**
 * A report page: one HTML file with nothing outside it, and the same data as JSON beside it. The page carries that JSON, the chart
 * library (Chart.js, from its WebJar) and a script that shows the one with the other; a policy in its head forbids every network
 * request.
 *
 * @param lead sentences below the title
 * @param cards figures to lead with
 */
public record Page(String title, String lead, List<Card> cards, List<Section> sections) {
    private static final String CHART_LIBRARY = "/META-INF/resources/webjars/chart.js/4.5.1/dist/chart.umd.min.js";
    private static final int MOST_POINTS_OF_A_LINE = 360;
    private static final int LEAST_POINTS_OF_A_LINE = 24;
    private static final int MOST_POINTS = 24_000; // about 450 kB, so that a page stays below a megabyte
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /** A page whose long lines are thinned to what can be seen. */
    public Page {
        cards = List.copyOf(cards);
        long lines = sections.stream()
                .flatMap(section -> section.blocks().stream())
                .mapToLong(block -> block instanceof Chart chart ? chart.lines().size() : 0)
                .sum();
        int most = (int)
                Math.max(LEAST_POINTS_OF_A_LINE, Math.min(MOST_POINTS_OF_A_LINE, MOST_POINTS / Math.max(1, lines)));
        sections = sections.stream()
                .filter(section -> !section.blocks().isEmpty())
                .map(section -> section.thinned(most))
                .toList();
    }

    /**
     * A figure to lead with.
     *
     * @param label what it is, in a few words
     * @param value the figure with its unit
     * @param note what it means or is compared with; may be empty
     */
    public record Card(String label, String value, String note) {}

    /**
     * Blocks under a heading; charts without lines are left out, and so is a section without blocks.
     *
     * @param note sentences below the heading; may be empty
     */
    public record Section(String title, String note, List<Block> blocks) {
        public Section {
            blocks = blocks.stream()
                    .filter(block -> !(block instanceof Chart chart && chart.isEmpty()))
                    .toList();
        }

        private Section thinned(int most) {
            return new Section(
                    title,
                    note,
                    blocks.stream()
                            .map(block -> block instanceof Chart chart ? chart.thinned(most) : block)
                            .toList());
        }
    }

    /** Writes the page, and its data to {@link #dataOf}. */
    public void write(Path file) throws IOException {
        AtomicFile.write(dataOf(file), json().getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(file, html().getBytes(StandardCharsets.UTF_8));
    }

    /** Returns the place of a page's data: {@code report.json} beside {@code report.html}. */
    public static Path dataOf(Path page) {
        String name = page.getFileName().toString();
        return page.resolveSibling((name.endsWith(".html") ? name.substring(0, name.length() - 5) : name) + ".json");
    }

    /** The data. */
    public String json() {
        // Within HTML no text may end the element that carries it; "<" is found in JSON within strings alone.
        return JSON.writeValueAsString(this).replace("<", "\\u003c");
    }

    /** The page. */
    public String html() {
        return resource("page.html")
                .formatted(
                        title.replace("&", "&amp;").replace("<", "&lt;"),
                        resource("page.css"),
                        json(),
                        resource(CHART_LIBRARY).replaceFirst("\n//# sourceMappingURL=.*", ""),
                        resource("page.js"));
    }

    private static String resource(String name) {
        try (InputStream in = Page.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is missing from the program");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
