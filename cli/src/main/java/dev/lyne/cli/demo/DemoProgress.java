package dev.lyne.cli.demo;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Prints how the demo's students get on, from the metrics they write. One thread uses it. */
final class DemoProgress {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final PrintStream out;
    private final List<String> names;
    private final Path directory;
    private final int steps;
    private final long startNanos = System.nanoTime();
    private String lastLine = "";

    DemoProgress(PrintStream out, List<String> names, Path directory, int steps) {
        this.out = out;
        this.names = names;
        this.directory = directory;
        this.steps = steps;
    }

    /** Prints a line where anything moved since the last. */
    void print() throws IOException {
        List<String> parts = new ArrayList<>();
        for (String name : names) {
            parts.add("  " + name + " " + latest(directory.resolve(name).resolve("metrics.jsonl")));
        }
        String line = String.join(";", parts);
        if (!line.equals(lastLine)) {
            lastLine = line;
            out.printf(Locale.ROOT, "%4d s%s%n", (System.nanoTime() - startNanos) / 1_000_000_000, line);
        }
    }

    private String latest(Path metrics) throws IOException {
        if (!Files.exists(metrics)) {
            return "getting ready";
        }
        String step = "starting";
        String heldOut = ""; // nothing before the first evaluation
        List<String> lines = Files.readAllLines(metrics);
        for (String text : lines) {
            JsonNode line;
            try {
                line = JSON.readTree(text);
            } catch (tools.jackson.core.JacksonException halfWritten) {
                break; // the last line, while the student is writing it
            }
            if (line.has("held_out_nll")) {
                heldOut = String.format(
                        Locale.ROOT, ", held-out %.3f", line.get("held_out_nll").asDouble());
            } else {
                step = String.format(
                        Locale.ROOT,
                        "step %d/%d %s, %.0f positions/s, stall %.0f%%",
                        line.get("step").asLong(),
                        steps,
                        figure(line),
                        line.get("positions_per_second").asDouble(),
                        100 * line.get("stall_fraction").asDouble());
            }
        }
        return step + heldOut;
    }

    /** Returns a student's figure of a step, for people: the loss of two students is not the same quantity. */
    private static String figure(JsonNode line) {
        return line.has("nll")
                ? String.format(Locale.ROOT, "nll %.3f", line.get("nll").asDouble())
                : String.format(
                        Locale.ROOT, "KL(s||t) %.3f", line.get("own_text_k1").asDouble());
    }
}
