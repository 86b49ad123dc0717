package dev.lyne.student.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Groups of values over named places as inline SVG: each value a faint dot, each group its mean with a bar of one standard deviation. */
public final class DotChart {
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
        StringBuilder plot = new StringBuilder();
        plot(plot);
        return new Svg(title, description()).figure(plot);
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
        List<Svg.Key> keys = names.size() < 2
                ? List.of()
                : IntStream.range(0, names.size())
                        .mapToObj(i -> new Svg.Key(names.get(i), i))
                        .toList();
        return new Svg(heading, description()).file(keys, plot);
    }

    private void plot(StringBuilder out) {
        Frame frame = new Frame(Axis.covering(edge(-1), edge(1), 5), BOTTOM);
        frame.draw(out, xLabel, yLabel);
        int number = 0;
        for (String place : places) {
            // Neighbours keep out of each other's way where there are many.
            frame.name(out, Frame.coordinate(px(place)), places.size() > 6 && number % 2 == 1 ? 34 : 20, place);
            number++;
        }
        if (Double.isFinite(reference)) {
            frame.line(out, "class=\"axis\" stroke-dasharray=\"3 4\"", reference);
        }
        if (groups.stream().map(Group::series).distinct().count() > 1) {
            groups.stream().map(Group::series).distinct().forEach(series -> line(out, frame, series));
        }
        groups.forEach(group -> group(out, frame, group));
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

    private void line(StringBuilder out, Frame frame, int series) {
        StringBuilder path = new StringBuilder();
        for (Group group : groups) {
            if (group.series() == series) {
                path.append(path.isEmpty() ? 'M' : 'L')
                        .append(Frame.coordinate(px(group.place())))
                        .append(' ')
                        .append(frame.py(group.mean()));
            }
        }
        out.append("<path class=\"line c%d\" d=\"%s\"/>\n".formatted(series, path));
    }

    private void group(StringBuilder out, Frame frame, Group group) {
        String x = Frame.coordinate(px(group.place()));
        for (double value : group.values()) {
            out.append("<circle class=\"mark c%d\" opacity=\".35\" cx=\"%s\" cy=\"%s\" r=\"2.5\"/>"
                    .formatted(group.series(), x, frame.py(value)));
        }
        if (group.spread() > 0) {
            String top = frame.py(group.mean() + group.spread());
            String bottom = frame.py(group.mean() - group.spread());
            double left = px(group.place()) - CAP;
            out.append("<path class=\"line c%d\" stroke-dasharray=\"none\" d=\"M%s %sV%sM%s %sh%dM%s %sh%d\"/>"
                    .formatted(
                            group.series(),
                            x,
                            top,
                            bottom,
                            Frame.coordinate(left),
                            top,
                            2 * CAP,
                            Frame.coordinate(left),
                            bottom,
                            2 * CAP));
        }
        out.append("<circle class=\"mark c%d\"%s cx=\"%s\" cy=\"%s\" r=\"5\"><title>%s: %s</title></circle>\n"
                .formatted(
                        group.series(),
                        group.strong() ? "" : " fill-opacity=\".35\"",
                        x,
                        frame.py(group.mean()),
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
        return Frame.px((number + 0.5) / places.size());
    }
}
