package dev.lyne.student.report;

import java.util.ArrayList;
import java.util.List;

/** A line chart as inline SVG; colours come from the page's style sheet, so that it follows light and dark. */
public final class LineChart {
    private static final int BOTTOM = 46;
    private static final int MOST_POINTS = 360;

    private final String title;
    private final String xLabel;
    private final String yLabel;
    private final List<Series> series = new ArrayList<>();
    private final List<String> places; // names of x = 0, 1, …; empty where x is a number
    private boolean fromZero;
    private boolean wholeX;

    /** A point of a line. */
    public record Point(double x, double y) {}

    /**
     * A line.
     *
     * @param color number of its colour, from 0
     * @param faint whether it stands behind the others, without marks
     */
    public record Series(String name, int color, boolean faint, List<Point> points) {}

    /** A chart without lines yet. */
    public LineChart(String title, String xLabel, String yLabel) {
        this(title, xLabel, yLabel, List.of());
    }

    private LineChart(String title, String xLabel, String yLabel, List<String> places) {
        this.title = title;
        this.xLabel = xLabel;
        this.yLabel = yLabel;
        this.places = places;
    }

    /** A chart over named places, evenly spaced, which are the x coordinates 0, 1, … of its points. */
    public static LineChart over(List<String> places, String title, String xLabel, String yLabel) {
        return new LineChart(title, xLabel, yLabel, List.copyOf(places));
    }

    /** Starts both axes at zero, so that heights and distances compare as the figures do. */
    public LineChart fromZero() {
        fromZero = true;
        return this;
    }

    /** Counts x in whole numbers, as students are. */
    public LineChart wholeX() {
        wholeX = true;
        return this;
    }

    /** Adds a line; points that are not finite are left out, and a line without points is, too. */
    public LineChart add(Series line) {
        List<Point> finite = line.points().stream()
                .filter(point -> Double.isFinite(point.x()) && Double.isFinite(point.y()))
                .toList();
        if (!finite.isEmpty()) {
            series.add(new Series(line.name(), line.color(), line.faint(), finite));
        }
        return this;
    }

    /** Whether there is no line to draw. */
    public boolean isEmpty() {
        return series.isEmpty();
    }

    /** The figure with its caption. */
    public String render() {
        StringBuilder plot = new StringBuilder();
        plot(plot);
        return new Svg(title, description()).figure(plot);
    }

    /** The chart as an SVG file of its own, with title, legend and colours. */
    public String alone() {
        StringBuilder plot = new StringBuilder();
        plot(plot);
        List<Svg.Key> keys =
                series.stream().map(s -> new Svg.Key(s.name(), s.color())).toList();
        return new Svg(title, description()).file(keys, plot);
    }

    private void plot(StringBuilder out) {
        Axis x = xAxis();
        Frame frame = new Frame(yAxis(), BOTTOM);
        frame.draw(out, xLabel, yLabel);
        for (double tick : x.ticks()) {
            frame.name(out, px(x, tick), 20, places.isEmpty() ? x.label(tick) : places.get((int) tick));
        }
        for (Series line : series) {
            if (line.faint()) {
                path(out, line, x, frame);
            }
        }
        for (Series line : series) {
            if (!line.faint()) {
                path(out, line, x, frame);
                marks(out, line, x, frame);
            }
        }
    }

    private Axis xAxis() {
        if (places.size() > 1) {
            return new Axis(0, places.size() - 1, 1);
        }
        double least = series.stream()
                .flatMap(s -> s.points().stream())
                .mapToDouble(Point::x)
                .min()
                .orElse(0);
        double greatest = series.stream()
                .flatMap(s -> s.points().stream())
                .mapToDouble(Point::x)
                .max()
                .orElse(1);
        Axis axis = least == 0 || fromZero ? Axis.fromZero(greatest, 6) : Axis.exactly(least, greatest, 6);
        return wholeX ? axis.whole() : axis;
    }

    private Axis yAxis() {
        double least = series.stream()
                .flatMap(s -> s.points().stream())
                .mapToDouble(Point::y)
                .min()
                .orElse(0);
        double greatest = series.stream()
                .flatMap(s -> s.points().stream())
                .mapToDouble(Point::y)
                .max()
                .orElse(1);
        return Axis.covering(fromZero ? Math.min(0, least) : least, greatest, 5);
    }

    private String description() {
        List<String> parts = new ArrayList<>();
        for (Series line : series) {
            Point last = line.points().get(line.points().size() - 1);
            parts.add("%s ends at %s".formatted(line.name(), Html.decimal(last.y(), 3)));
        }
        return title + ": " + yLabel + " over " + xLabel + ". " + String.join("; ", parts) + ".";
    }

    private static void path(StringBuilder out, Series line, Axis x, Frame frame) {
        out.append("<path class=\"line c%d%s\" d=\"".formatted(line.color(), line.faint() ? " faint" : ""));
        List<Point> points = thinned(line.points());
        for (int i = 0; i < points.size(); i++) {
            out.append(i == 0 ? 'M' : 'L')
                    .append(px(x, points.get(i).x()))
                    .append(' ')
                    .append(frame.py(points.get(i).y()));
        }
        out.append("\"/>\n");
    }

    private static void marks(StringBuilder out, Series line, Axis x, Frame frame) {
        if (line.points().size() > 60) {
            return;
        }
        for (Point point : line.points()) {
            out.append("<circle class=\"mark c%d\" cx=\"%s\" cy=\"%s\" r=\"3\"><title>%s: %s</title></circle>\n"
                    .formatted(
                            line.color(),
                            px(x, point.x()),
                            frame.py(point.y()),
                            Html.escape(line.name()),
                            Html.decimal(point.y(), 4)));
        }
    }

    /** At most so many points, each the mean of its neighbours, so that a long run stays a small file. */
    private static List<Point> thinned(List<Point> points) {
        if (points.size() <= MOST_POINTS) {
            return points;
        }
        List<Point> thin = new ArrayList<>();
        for (int i = 0; i < MOST_POINTS; i++) {
            int from = (int) ((long) i * points.size() / MOST_POINTS);
            int to = (int) ((long) (i + 1) * points.size() / MOST_POINTS);
            List<Point> part = points.subList(from, to);
            thin.add(new Point(
                    part.stream().mapToDouble(Point::x).average().orElseThrow(),
                    part.stream().mapToDouble(Point::y).average().orElseThrow()));
        }
        return thin;
    }

    private static String px(Axis x, double value) {
        return Frame.coordinate(Frame.px(x.at(value)));
    }
}
