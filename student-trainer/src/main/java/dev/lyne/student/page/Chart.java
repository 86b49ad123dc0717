package dev.lyne.student.page;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A chart of lines and marks.
 *
 * @param id its name within the page: {@code report.html#chart=ID} shows it alone
 * @param lines those that have points, in the order of the legend
 */
public record Chart(String id, String title, Axis x, Axis y, List<Line> lines) implements Block {
    /** Digits of a coordinate: more than a screen or a reader can tell apart. */
    private static final MathContext DIGITS = new MathContext(7);

    public Chart {
        if (!id.matches("[A-Za-z0-9_.-]+")) {
            throw new IllegalArgumentException("chart id: " + id + " (expected: letters, digits, _ . -)");
        }
        lines = lines.stream().filter(line -> !line.points().isEmpty()).toList();
    }

    /** Whether there is nothing to draw. */
    boolean isEmpty() {
        return lines.isEmpty();
    }

    /** Returns this chart with at most so many points a line. */
    Chart thinned(int most) {
        return new Chart(
                id, title, x, y, lines.stream().map(line -> line.thinned(most)).toList());
    }

    /**
     * An axis.
     *
     * @param fromZero whether it starts at zero, so that heights and distances compare as the figures do
     * @param whole whether it counts in whole numbers, as students are
     * @param names of the values 0, 1, …; empty where values are numbers
     * @param to where it ends, 0 for where its values do; charts one above the other that end at the same place are aligned
     */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    public record Axis(String label, boolean fromZero, boolean whole, List<String> names, double to) {
        public Axis {
            names = List.copyOf(names);
        }

        /** An axis that covers its values. */
        public static Axis covering(String label) {
            return new Axis(label, false, false, List.of(), 0);
        }

        /** An axis from zero. */
        public static Axis fromZero(String label) {
            return new Axis(label, true, false, List.of(), 0);
        }

        /** An axis from zero to a place of its own, as charts of one stretch of time have it. */
        public static Axis until(String label, double to) {
            return new Axis(label, true, false, List.of(), to);
        }

        /** An axis from zero for counts. */
        public static Axis counting(String label) {
            return new Axis(label, true, true, List.of(), 0);
        }

        /** An axis of names, evenly spaced. */
        public static Axis naming(String label, List<String> names) {
            return new Axis(label, false, true, names, 0);
        }
    }

    /** Style of a line. */
    public enum Style {
        /** A line with marks. */
        @JsonProperty("strong")
        STRONG,
        /** A thin line behind the others. */
        @JsonProperty("faint")
        FAINT,
        /** Marks alone. */
        @JsonProperty("marks")
        MARKS,
        /** Small faint dots. */
        @JsonProperty("dots")
        DOTS,
        /** A broken line across, for reference. */
        @JsonProperty("level")
        LEVEL
    }

    /**
     * A line.
     *
     * @param color number of its colour, from 0
     * @param details of each point; empty where there is nothing to say
     */
    public record Line(
            String name,
            int color,
            Style style,
            List<Point> points,
            @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Detail> details) {
        public Line {
            points = List.copyOf(points);
            details = List.copyOf(details);
            if (!details.isEmpty() && details.size() != points.size()) {
                throw new IllegalArgumentException(
                        name + ": " + details.size() + " details (expected: " + points.size() + ", one a point)");
            }
        }

        /** A line without details; points that are not finite are left out. */
        public static Line of(String name, int color, Style style, List<Point> points) {
            return new Line(
                    name,
                    color,
                    style,
                    points.stream()
                            .filter(point -> Double.isFinite(point.x()) && Double.isFinite(point.y()))
                            .toList(),
                    List.of());
        }

        /** At most so many points, each the mean of its neighbours; a line with details stays as it is. */
        private Line thinned(int most) {
            if (points.size() <= most || !details.isEmpty()) {
                return this;
            }
            List<Point> thin = new ArrayList<>();
            for (int i = 0; i < most; i++) {
                int from = (int) ((long) i * points.size() / most);
                int to = (int) ((long) (i + 1) * points.size() / most);
                List<Point> part = points.subList(from, to);
                thin.add(new Point(
                        part.stream().mapToDouble(Point::x).average().orElseThrow(),
                        part.stream().mapToDouble(Point::y).average().orElseThrow()));
            }
            return new Line(name, color, style, thin, details);
        }
    }

    /** A point of a line, to seven digits. */
    @JsonFormat(shape = JsonFormat.Shape.ARRAY)
    public record Point(double x, double y) {
        public Point {
            x = rounded(x);
            y = rounded(y);
        }
    }

    /**
     * Detail of a point beside where it is.
     *
     * @param label its name
     * @param spread half the bar around it; null for none
     * @param hollow whether its mark is an outline
     */
    @JsonInclude(JsonInclude.Include.NON_DEFAULT)
    public record Detail(String label, @Nullable Double spread, boolean hollow) {
        public Detail {
            spread = spread == null || !Double.isFinite(spread) ? null : rounded(spread);
        }
    }

    private static double rounded(double value) {
        return Double.isFinite(value) ? new BigDecimal(value).round(DIGITS).doubleValue() : value;
    }
}
