package dev.lyne.student.report;

import java.util.Locale;

/**
 * What every chart has around its plot: a grid with the values of y, the axis of x, and what both are.
 *
 * @param bottom room below the plot
 */
record Frame(Axis y, int bottom) {
    static final int WIDTH = 560;
    static final int HEIGHT = 330;
    private static final int LEFT = 64;
    private static final int RIGHT = 24;
    private static final int TOP = 14;

    void draw(StringBuilder out, String xLabel, String yLabel) {
        for (double tick : y.ticks()) {
            line(out, "class=\"grid\"", tick);
            out.append("<text class=\"tick\" text-anchor=\"end\" x=\"%d\" y=\"%s\">%s</text>\n"
                    .formatted(LEFT - 8, coordinate(HEIGHT - bottom - rise(tick) + 4), y.label(tick)));
        }
        out.append("<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>"
                .formatted(LEFT, WIDTH - RIGHT, HEIGHT - bottom, HEIGHT - bottom));
        out.append("<text class=\"label\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">%s</text>"
                .formatted((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, Html.escape(xLabel)));
        int middle = (TOP + HEIGHT - bottom) / 2;
        out.append(
                "<text class=\"label\" text-anchor=\"middle\" transform=\"rotate(-90 12 %d)\" x=\"12\" y=\"%d\">%s</text>\n"
                        .formatted(middle, middle, Html.escape(yLabel)));
    }

    /** A line across at a value, of that class and style. */
    void line(StringBuilder out, String style, double value) {
        out.append("<line %s x1=\"%d\" x2=\"%d\" y1=\"%s\" y2=\"%s\"/>"
                .formatted(style, LEFT, WIDTH - RIGHT, py(value), py(value)));
    }

    /** A name below the axis. */
    void name(StringBuilder out, String x, int below, String name) {
        out.append("<text class=\"tick\" text-anchor=\"middle\" x=\"%s\" y=\"%d\">%s</text>\n"
                .formatted(x, HEIGHT - bottom + below, Html.escape(name)));
    }

    /** Where a share of the width is. */
    static double px(double share) {
        return LEFT + share * (WIDTH - LEFT - RIGHT);
    }

    /** Where a value is. */
    String py(double value) {
        return coordinate(HEIGHT - bottom - rise(value));
    }

    private double rise(double value) {
        return y.at(value) * (HEIGHT - TOP - bottom);
    }

    static String coordinate(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }
}
