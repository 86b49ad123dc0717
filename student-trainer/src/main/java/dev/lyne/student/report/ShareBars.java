package dev.lyne.student.report;

import dev.lyne.student.report.ReportData.Run;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Bars that divide a whole: a run's time, and where its targets came from. */
final class ShareBars {
    private final StringBuilder out;

    ShareBars(StringBuilder out) {
        this.out = out;
    }

    void time(Run run, int color) {
        out.append("<h3 class=\"run c%d\">%s</h3>\n".formatted(color, Html.escape(run.name())));
        out.append("<p class=\"note\">%s parameters, %s steps, %s positions a second</p>\n"
                .formatted(
                        Html.count(run.parameters()),
                        Html.decimal(run.steps(), 0),
                        Html.decimal(run.positionsPerSecond(), 0)));
        Map<String, Double> time = new LinkedHashMap<>();
        time.put("computing", 1 - run.stallFraction());
        time.put("waiting for targets", run.stallFraction());
        bar("Training time", time);
        double total = run.teacherPositions().values().stream()
                .mapToLong(Long::longValue)
                .sum();
        if (total > 0) {
            Map<String, Double> sources = new LinkedHashMap<>();
            run.teacherPositions().entrySet().stream()
                    .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                    .forEach(entry -> sources.put(entry.getKey(), entry.getValue() / total));
            bar("Where its " + Html.count(total) + " targets came from", sources);
        }
    }

    private void bar(String title, Map<String, Double> shares) {
        List<String> words = new ArrayList<>();
        shares.forEach((name, share) -> words.add(name + " " + Html.percent(share)));
        out.append(
                "<div class=\"bar\"><span>%s</span><svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s\">"
                        .formatted(Html.escape(title), Html.escape(title + ": " + String.join(", ", words))));
        double x = 0;
        int part = 0;
        for (double share : shares.values()) {
            out.append("<rect class=\"p%d\" x=\"%s\" y=\"0\" width=\"%s\" height=\"6\"/>"
                    .formatted(part++ % 6, n(x * 100), n(share * 100)));
            x += share;
        }
        out.append("</svg><ul>");
        part = 0;
        for (String word : words) {
            out.append("<li class=\"p%d\">%s</li>".formatted(part++ % 6, Html.escape(word)));
        }
        out.append("</ul></div>\n");
    }

    private static String n(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}
