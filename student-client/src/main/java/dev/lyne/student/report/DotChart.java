package dev.lyne.student.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Groups of values over named places as inline SVG: each value a faint dot, each group its mean with a bar of one standard deviation. */
public final class DotChart {
    private static final int WIDTH = 560;
    private static final int HEIGHT = 330;
    private static final int LEFT = 64;
    private static final int RIGHT = 24;
    private static final int TOP = 14;
    private static final int BOTTOM = 62;
    private static final int CAP = 5;

    private final String title;
    private final String xLabel;
    private final String yLabel;
    private final List<Group> groups = new ArrayList<>();
    private final Set<String> places = new LinkedHashSet<>();
    private double reference = Double.NaN;

    /**
     * Values at a place.
     *
     * @param series groups of one are joined by a line where there are several series; its number is that of the colour
     * @param spread half the bar; NaN for none
     * @param strong whether its mark is filled
     */
    public record Group(
            String name, int series, String place, double[] values, double mean, double spread, boolean strong) {}

    /** A chart without groups yet. */
    public DotChart(String title, String xLabel, String yLabel) {
        this.title = title;
        this.xLabel = xLabel;
        this.yLabel = yLabel;
    }

    /** Adds a group; one that is not finite is left out. */
    public void add(Group group) {
        if (Double.isFinite(group.mean())) {
            groups.add(group);
            places.add(group.place());
        }
    }

    /** Draws a line across at that value. */
    public void refer(double value) {
        reference = value;
    }

    /** Whether there is nothing to draw. */
    public boolean isEmpty() {
        return groups.isEmpty();
    }

    /** The figure with its caption. */
    public String render() {
        StringBuilder out = new StringBuilder("<figure class=\"chart\"><figcaption>");
        out.append(Html.escape(title)).append("</figcaption>\n");
        out.append("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n"
                .formatted(WIDTH, HEIGHT, Html.escape(description())));
        plot(out);
        return out.append("</svg></figure>\n").toString();
    }

    /**
     * The chart as an SVG file of its own.
     *
     * @param heading above it
     * @param names of the series, by number; a legend where there are several
     */
    public String alone(String heading, List<String> names) {
        StringBuilder plot = new StringBuilder();
        plot(plot);
        List<SvgFile.Key> keys = names.size() < 2
                ? List.of()
                : IntStream.range(0, names.size())
                        .mapToObj(i -> new SvgFile.Key(names.get(i), i))
                        .toList();
        return new SvgFile(heading, description(), WIDTH, HEIGHT).render(keys, plot);
    }

    private void plot(StringBuilder out) {
        Axis y = Axis.covering(edge(-1), edge(1), 5);
        frame(out, y);
        if (Double.isFinite(reference)) {
            out.append("<line class=\"axis\" stroke-dasharray=\"3 4\" x1=\"%d\" x2=\"%d\" y1=\"%s\" y2=\"%s\"/>\n"
                    .formatted(LEFT, WIDTH - RIGHT, py(y, reference), py(y, reference)));
        }
        if (groups.stream().map(Group::series).distinct().count() > 1) {
            groups.stream().map(Group::series).distinct().forEach(series -> line(out, y, series));
        }
        groups.forEach(group -> group(out, y, group));
    }

    private double edge(int side) {
        return side
                * groups.stream()
                        .flatMap(group -> Stream.concat(
                                Arrays.stream(group.values()).boxed(),
                                Stream.of(group.mean() + side * (Double.isNaN(group.spread()) ? 0 : group.spread()))))
                        .mapToDouble(value -> side * value)
                        .max()
                        .orElse(1);
    }

    private void frame(StringBuilder out, Axis y) {
        for (double tick : y.ticks()) {
            out.append("<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%s\" y2=\"%s\"/>"
                    .formatted(LEFT, WIDTH - RIGHT, py(y, tick), py(y, tick)));
            out.append("<text class=\"tick\" text-anchor=\"end\" x=\"%d\" y=\"%s\">%s</text>\n"
                    .formatted(LEFT - 8, py(y, tick), y.label(tick)));
        }
        int number = 0;
        for (String place : places) {
            // Neighbours keep out of each other's way where there are many.
            int down = places.size() > 6 && number % 2 == 1 ? 34 : 20;
            out.append("<text class=\"tick\" text-anchor=\"middle\" x=\"%s\" y=\"%d\">%s</text>\n"
                    .formatted(n(px(place)), HEIGHT - BOTTOM + down, Html.escape(place)));
            number++;
        }
        out.append("<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>"
                .formatted(LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, HEIGHT - BOTTOM));
        out.append("<text class=\"label\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">%s</text>"
                .formatted((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, Html.escape(xLabel)));
        int middle = (TOP + HEIGHT - BOTTOM) / 2;
        out.append(
                "<text class=\"label\" text-anchor=\"middle\" transform=\"rotate(-90 12 %d)\" x=\"12\" y=\"%d\">%s</text>\n"
                        .formatted(middle, middle, Html.escape(yLabel)));
    }

    private void line(StringBuilder out, Axis y, int series) {
        StringBuilder path = new StringBuilder();
        for (Group group : groups) {
            if (group.series() == series) {
                path.append(path.isEmpty() ? 'M' : 'L')
                        .append(n(px(group.place())))
                        .append(' ')
                        .append(py(y, group.mean()));
            }
        }
        out.append("<path class=\"line c%d\" d=\"%s\"/>\n".formatted(series, path));
    }

    private void group(StringBuilder out, Axis y, Group group) {
        String x = n(px(group.place()));
        for (double value : group.values()) {
            out.append("<circle class=\"mark c%d\" opacity=\".35\" cx=\"%s\" cy=\"%s\" r=\"2.5\"/>"
                    .formatted(group.series(), x, py(y, value)));
        }
        if (group.spread() > 0) {
            String top = py(y, group.mean() + group.spread());
            String bottom = py(y, group.mean() - group.spread());
            double left = px(group.place()) - CAP;
            out.append("<path class=\"line c%d\" stroke-dasharray=\"none\" d=\"M%s %sV%sM%s %sh%dM%s %sh%d\"/>"
                    .formatted(group.series(), x, top, bottom, n(left), top, 2 * CAP, n(left), bottom, 2 * CAP));
        }
        out.append("<circle class=\"mark c%d\"%s cx=\"%s\" cy=\"%s\" r=\"5\"><title>%s: %s</title></circle>\n"
                .formatted(
                        group.series(),
                        group.strong() ? "" : " fill-opacity=\".35\"",
                        x,
                        py(y, group.mean()),
                        Html.escape(group.name()),
                        Html.decimal(group.mean(), 4)));
    }

    private String description() {
        List<String> parts = groups.stream()
                .map(group -> group.name() + " " + Html.decimal(group.mean(), 4))
                .toList();
        return title + ": " + yLabel + " over " + xLabel + ". " + String.join("; ", parts) + ".";
    }

    private double px(String place) {
        int number = List.copyOf(places).indexOf(place);
        return LEFT + (number + 0.5) * (WIDTH - LEFT - RIGHT) / places.size();
    }

    private static String py(Axis y, double value) {
        return n(HEIGHT - BOTTOM - y.at(value) * (HEIGHT - TOP - BOTTOM));
    }

    private static String n(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }
}
