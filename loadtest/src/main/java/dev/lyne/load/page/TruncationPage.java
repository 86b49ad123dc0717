package dev.lyne.load.page;

import dev.lyne.load.bench.TruncationBenchmark.Result;
import dev.lyne.load.bench.TruncationBenchmark.Rows;
import dev.lyne.load.bench.TruncationBenchmark.Student;
import dev.lyne.load.bench.TruncationBenchmark.Truncation;
import dev.lyne.student.page.Block;
import dev.lyne.student.page.Chart;
import dev.lyne.student.page.Chart.Axis;
import dev.lyne.student.page.Chart.Line;
import dev.lyne.student.page.Chart.Style;
import dev.lyne.student.page.Figures;
import dev.lyne.student.page.Page;
import dev.lyne.student.page.Page.Card;
import dev.lyne.student.page.Page.Section;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** {@code report.html} of a truncation benchmark: what is left of the reverse KL and how wrong its gradient is, by k. */
public final class TruncationPage {
    private TruncationPage() {}

    /** The page. */
    public static Page of(Result result) {
        String lead = "Reverse KL over k ids and one bucket of all others, on " + result.responseTokens()
                + " tokens a response that students wrote themselves, against the whole vocabulary's: the ids are the teacher's most"
                + " probable ones, or the student's own.";
        List<Card> cards = result.results().stream()
                .map(student -> new Card(
                        student.name(), Figures.decimal(student.reverseKlNats(), 3), "nats a token, reverse KL"))
                .toList();
        List<Section> sections = new ArrayList<>();
        sections.add(new Section(
                "By k",
                "All rows of each student.",
                List.of(
                        chart(
                                "left",
                                "Share of the reverse KL that is left",
                                result,
                                Truncation::teacherIds,
                                Truncation::studentIds),
                        chart(
                                "gradient",
                                "Error of the gradient over its size",
                                result,
                                Truncation::teacherGradientError,
                                Truncation::studentGradientError))));
        result.results().forEach(student -> sections.add(table(student)));
        return new Page("Truncated rows", lead, cards, sections);
    }

    private static Chart chart(
            String id,
            String title,
            Result result,
            ToDoubleFunction<Truncation> byTeacher,
            ToDoubleFunction<Truncation> byStudent) {
        List<String> ks = result.results().get(0).all().truncations().stream()
                .map(truncation -> Integer.toString(truncation.k()))
                .toList();
        List<Line> lines = new ArrayList<>();
        int color = 0;
        for (Student student : result.results()) {
            lines.add(line(student.name() + ", teacher's ids", color++, student.all(), byTeacher));
            lines.add(line(student.name() + ", student's ids", color++, student.all(), byStudent));
        }
        return new Chart(id, title, Axis.naming("k", ks), Axis.fromZero(""), lines);
    }

    private static Line line(String name, int color, Rows rows, ToDoubleFunction<Truncation> y) {
        return Line.of(
                name,
                color,
                Style.STRONG,
                IntStream.range(0, rows.truncations().size())
                        .mapToObj(i -> new Chart.Point(
                                i, y.applyAsDouble(rows.truncations().get(i))))
                        .toList());
    }

    private static Section table(Student student) {
        List<Block> tables = new ArrayList<>();
        for (Rows rows : student.byDistance()) {
            tables.add(new Block.Table(
                    rows.which().equals(student.all().which())
                            ? ""
                            : rows.which() + ": reverse KL " + Figures.decimal(rows.reverseKlNats(), 3) + " nats",
                    List.of(
                            "k",
                            "left, teacher's ids",
                            "left, student's",
                            "gradient error, teacher's",
                            "gradient error, student's"),
                    rows.truncations().stream()
                            .map(truncation -> List.of(
                                    Integer.toString(truncation.k()),
                                    Figures.decimal(truncation.teacherIds(), 3),
                                    Figures.decimal(truncation.studentIds(), 3),
                                    Figures.decimal(truncation.teacherGradientError(), 3),
                                    Figures.decimal(truncation.studentGradientError(), 3)))
                            .toList()));
        }
        return new Section(student.name(), String.format("%,d rows.", student.rows()), tables);
    }
}
