package dev.lyne.load.page;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Figures as Markdown: single values a line each, and a table for each list of things that are alike. */
public final class FigureTable {
    private FigureTable() {}

    /**
     * Writes them.
     *
     * @param only names of the figures to write, {@code outer.inner} for those within others; all where empty
     */
    public static String markdown(JsonNode figures, List<String> only) {
        StringBuilder out = new StringBuilder();
        if (figures.isArray()) {
            list(out, figures, only);
            return out.toString();
        }
        Map<String, JsonNode> values = new LinkedHashMap<>();
        Map<String, JsonNode> lists = new LinkedHashMap<>();
        collect("", figures, values, lists);
        values.keySet().removeIf(name -> !only.isEmpty() && !only.contains(name));
        if (!values.isEmpty()) {
            out.append("| figure | |\n| --- | --- |\n");
            values.forEach((name, value) -> row(out, List.of(words(name), text(value))));
        }
        lists.forEach((name, list) -> {
            out.append('\n').append(words(name)).append(":\n\n");
            list(out, list, only);
        });
        return out.toString();
    }

    private static void list(StringBuilder out, JsonNode list, List<String> only) {
        Set<String> columns = new LinkedHashSet<>();
        List<Map<String, JsonNode>> rows = new ArrayList<>();
        for (JsonNode item : list) {
            Map<String, JsonNode> values = new LinkedHashMap<>();
            collect("", item, values, new LinkedHashMap<>());
            values.keySet().removeIf(name -> !only.isEmpty() && !only.contains(name));
            columns.addAll(values.keySet());
            rows.add(values);
        }
        row(out, columns.stream().map(FigureTable::words).toList());
        row(out, columns.stream().map(column -> "---").toList());
        rows.forEach(values -> row(
                out,
                columns.stream()
                        .map(column -> values.containsKey(column) ? text(values.get(column)) : "")
                        .toList()));
    }

    /** Single values and lists of a figure, by their names, those within others included. */
    private static void collect(
            String prefix, JsonNode figures, Map<String, JsonNode> values, Map<String, JsonNode> lists) {
        figures.properties().forEach(figure -> {
            String name = prefix + figure.getKey();
            JsonNode value = figure.getValue();
            if (value.isObject()) {
                collect(name + ".", value, values, lists);
            } else if (value.isArray() && !value.isEmpty() && value.get(0).isObject()) {
                lists.put(name, value);
            } else {
                values.put(name, value);
            }
        });
    }

    private static void row(StringBuilder out, List<String> cells) {
        out.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }

    private static String words(String name) {
        return name.replace('_', ' ').replace(".", ", ");
    }

    private static String text(JsonNode value) {
        if (value.isArray()) {
            List<String> parts = new ArrayList<>();
            value.forEach(part -> parts.add(text(part)));
            return String.join(", ", parts);
        }
        if (value.isIntegralNumber()) {
            return String.format(Locale.ROOT, "%,d", value.asLong());
        }
        if (!value.isNumber()) {
            return value.asString();
        }
        double number = value.asDouble();
        double size = Math.abs(number);
        String format = size >= 1_000 ? "%,.0f" : size >= 100 ? "%.1f" : size >= 1e-3 || size == 0 ? "%.3f" : "%.2e";
        return String.format(Locale.ROOT, format, number);
    }

    /** The document with something else between the markers of that name. */
    public static String replace(String document, String name, String between) {
        String begin = "<!-- bench " + name + " -->\n";
        String end = "<!-- end of bench " + name + " -->";
        int from = document.indexOf(begin);
        int to = document.indexOf(end);
        if (from < 0 || to < from) {
            throw new IllegalArgumentException("--into: no place for " + name + " (expected: a line " + begin.strip()
                    + " and after it a line " + end + ")");
        }
        return document.substring(0, from + begin.length()) + between.strip() + "\n" + document.substring(to);
    }
}
