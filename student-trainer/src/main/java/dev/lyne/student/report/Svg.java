package dev.lyne.student.report;

import java.util.List;

/**
 * A plot as SVG: within a page, or with title, legend and colours as a file of its own.
 *
 * @param description for those who do not see it
 */
record Svg(String title, String description) {
    private static final int TITLE_HEIGHT = 44;
    private static final int LEGEND_HEIGHT = 18;
    private static final int LEFT = 64;

    /** A line of the legend. */
    record Key(String name, int color) {}

    /** A figure of a page, whose style sheet has the colours. */
    String figure(CharSequence plot) {
        return "<figure class=\"chart\"><figcaption>%s</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n%s</svg></figure>\n"
                .formatted(Html.escape(title), Frame.WIDTH, Frame.HEIGHT, Html.escape(description), plot);
    }

    /** A file of its own. */
    String file(List<Key> keys, CharSequence plot) {
        int head = TITLE_HEIGHT + LEGEND_HEIGHT * keys.size();
        StringBuilder out = new StringBuilder();
        out.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 %d %d %d\" width=\"%d\" role=\"img\" "
                        .formatted(-head, Frame.WIDTH, Frame.HEIGHT + head, Frame.WIDTH))
                .append("font-family=\"system-ui, sans-serif\" aria-label=\"%s\">\n<style>\n%s</style>\n"
                        .formatted(Html.escape(description), Resource.text("chart.css")))
                .append("<rect fill=\"var(--card)\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n"
                        .formatted(-head, Frame.WIDTH, Frame.HEIGHT + head))
                .append("<text fill=\"var(--ink)\" font-weight=\"600\" font-size=\"15\" x=\"12\" y=\"%d\">%s</text>\n"
                        .formatted(22 - head, Html.escape(title)));
        for (int i = 0; i < keys.size(); i++) {
            int at = TITLE_HEIGHT + LEGEND_HEIGHT * i - head;
            int color = keys.get(i).color();
            out.append(
                            "<path class=\"line c%d\" d=\"M%d %dl32 0\"/><circle class=\"mark c%d\" cx=\"%d\" cy=\"%d\" r=\"3\"/>"
                                    .formatted(color, LEFT, at, color, LEFT + 16, at))
                    .append("<text class=\"label\" x=\"%d\" y=\"%d\">%s</text>\n"
                            .formatted(
                                    LEFT + 42, at + 4, Html.escape(keys.get(i).name())));
        }
        return out.append(plot).append("</svg>\n").toString();
    }
}
