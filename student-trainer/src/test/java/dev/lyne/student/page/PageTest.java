package dev.lyne.student.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.student.page.Block.Fact;
import dev.lyne.student.page.Block.Facts;
import dev.lyne.student.page.Block.Paragraph;
import dev.lyne.student.page.Block.Table;
import dev.lyne.student.page.Chart.Axis;
import dev.lyne.student.page.Chart.Detail;
import dev.lyne.student.page.Chart.Line;
import dev.lyne.student.page.Chart.Point;
import dev.lyne.student.page.Chart.Style;
import dev.lyne.student.page.Page.Card;
import dev.lyne.student.page.Page.Section;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class PageTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @TempDir
    Path directory;

    private static Chart chart(String id, List<Line> lines) {
        return new Chart(id, "Loss", Axis.fromZero("step"), Axis.covering("nats"), lines);
    }

    private static Page page(List<Block> blocks) {
        return new Page("<b>&", "a lead", List.of(new Card("what", "1", "")), List.of(new Section("One", "", blocks)));
    }

    /** Returns the data that a page carries, as a browser would read it. */
    private static JsonNode dataOf(String html) {
        String begin = "<script type=\"application/json\" id=\"data\">";
        int from = html.indexOf(begin) + begin.length();
        return JSON.readTree(html.substring(from, html.indexOf("</script>", from)));
    }

    @Test
    void write_page_carriesTheDataThatStandsBesideIt() throws IOException {
        Path file = directory.resolve("report.html");
        Page page = page(List.of(
                chart("loss", List.of(Line.of("a", 0, Style.STRONG, List.of(new Point(0, 1.5), new Point(1, 2))))),
                new Facts(List.of(new Fact("name", "</script><script>alert(1)</script>"))),
                new Table("", List.of("x"), List.of(List.of("@data@ %s $1")))));
        page.write(file);
        assertThat(Page.dataOf(file)).isEqualTo(directory.resolve("report.json"));
        JsonNode data = JSON.readTree(Files.readString(directory.resolve("report.json")));
        assertThat(dataOf(Files.readString(file))).isEqualTo(data);
        JsonNode blocks = data.at("/sections/0/blocks");
        assertThat(blocks.at("/0/lines/0/points/0")).hasToString("[0.0,1.5]");
        assertThat(blocks.at("/1/facts/0/value").asString()).isEqualTo("</script><script>alert(1)</script>");
        assertThat(blocks.at("/2/rows/0/0").asString()).isEqualTo("@data@ %s $1");
    }

    @Test
    void html_anyPage_asksNothingOfAnyNetwork() {
        String html = page(List.of(new Paragraph("words"))).html();
        assertThat(html)
                .contains("content=\"default-src 'none'; ", "<noscript>", "<title>&lt;b>&amp;</title>", "Chart.js v")
                .doesNotContain("<img", "<iframe", "@import", "url(", "sourceMappingURL", "XMLHttpRequest", "fetch(");
        assertThat(html.replaceAll("(?s)/\\*!.*?\\*/", "")) // licences name their homes
                .doesNotContain("http://", "https://", "src=");
        assertThat(html.split("href=", -1)).as("the empty icon alone").hasSize(2);
    }

    @Test
    void page_manyLongLines_staysBelowAMegabyte() {
        List<Block> charts = new ArrayList<>();
        for (int c = 0; c < 20; c++) {
            List<Line> lines = new ArrayList<>();
            for (int l = 0; l < 12; l++) {
                double level = l / 3.0;
                lines.add(Line.of(
                        "line " + l,
                        l,
                        Style.FAINT,
                        IntStream.range(0, 5_000)
                                .mapToObj(i -> new Point(i * 1.000001, level + Math.sin(i)))
                                .toList()));
            }
            charts.add(chart("c" + c, lines));
        }
        assertThat(page(charts).html().length()).isLessThan(1_000_000);
    }

    @Test
    void page_longLine_isMadeOfMeansAndItsDetailsAreKept() {
        List<Point> points =
                IntStream.range(0, 720).mapToObj(i -> new Point(i, 2.0 * i)).toList();
        Line thinned = lineOf(page(List.of(chart("c", List.of(Line.of("a", 0, Style.STRONG, points))))));
        assertThat(thinned.points()).hasSize(360).startsWith(new Point(0.5, 1), new Point(2.5, 5));
        List<Detail> details =
                points.stream().map(point -> new Detail("p", 0.1, false)).toList();
        Line kept = lineOf(page(List.of(chart("c", List.of(new Line("a", 0, Style.MARKS, points, details))))));
        assertThat(kept.points()).isEqualTo(points);
    }

    private static Line lineOf(Page page) {
        return ((Chart) page.sections().get(0).blocks().get(0)).lines().get(0);
    }

    @Test
    void page_whatIsEmpty_isLeftOut() {
        Line none = Line.of("none", 0, Style.STRONG, List.of(new Point(1, Double.NaN)));
        assertThat(page(List.of(chart("c", List.of(none)))).sections()).isEmpty();
        assertThat(page(List.of(chart("c", List.of(none)))).json()).doesNotContain("NaN");
    }

    @Test
    void parts_thatDoNotFit_areRefused() {
        assertThatThrownBy(() -> new Table("", List.of("a", "b"), List.of(List.of("1"))))
                .hasMessage("row [1]: 1 cells (expected: 2)");
        assertThatThrownBy(() -> chart("a b", List.of())).hasMessageContaining("chart id: a b (expected:");
        assertThatThrownBy(() -> new Line(
                        "l",
                        0,
                        Style.MARKS,
                        List.of(new Point(0, 0)),
                        List.of(new Detail("", null, false), new Detail("", null, false))))
                .hasMessage("l: 2 details (expected: 1, one a point)");
    }
}
