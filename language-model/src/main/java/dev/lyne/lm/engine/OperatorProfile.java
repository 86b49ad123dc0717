package dev.lyne.lm.engine;

import ai.djl.pytorch.jni.JniUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Profile of native calls' time, operator by operator, as PyTorch's own profiler sees it. It belongs to the process.
 */
public final class OperatorProfile {
    private OperatorProfile() {}

    /**
     * An operator's share.
     *
     * @param name as PyTorch spells it; the method of a script stands for what its interpreter takes
     * @param millis of its own, without the operators that it calls
     */
    public record Operator(String name, long calls, double millis) {}

    /** Operators that the work calls on this thread, those that take longest first. The profiler itself takes a few microseconds a call. */
    public static List<Operator> of(Runnable work) throws IOException {
        Path trace = Files.createTempFile("lyne-operators", ".json");
        try {
            JniUtils.startProfile(false, false, false);
            try {
                work.run();
            } finally {
                JniUtils.stopProfile(trace.toString());
            }
            return operators(JsonMapper.shared().readTree(trace));
        } finally {
            Files.delete(trace);
        }
    }

    /** An operator that has begun, and the time of those within it. */
    private static final class Open {
        private final String name;
        private final double micros;
        private final double end;
        private double within;

        private Open(String name, double start, double micros) {
            this.name = name;
            this.micros = micros;
            this.end = start + micros;
        }
    }

    /**
     * Returns the operators of a trace in Chrome's format: complete events of one or more threads, which lie within one
     * another.
     */
    static List<Operator> operators(JsonNode trace) {
        List<JsonNode> events = new ArrayList<>();
        for (JsonNode event : trace.values()) {
            if (event.path("ph").asString("").equals("X")) {
                events.add(event);
            }
        }
        events.sort(
                Comparator.<JsonNode>comparingDouble(event -> event.path("ts").asDouble())
                        .thenComparing(event -> -event.path("dur").asDouble()));
        Map<String, Deque<Open>> threads = new HashMap<>();
        Map<String, Operator> found = new HashMap<>();
        for (JsonNode event : events) {
            double start = event.path("ts").asDouble();
            Deque<Open> open = threads.computeIfAbsent(event.path("tid").asString(""), tid -> new ArrayDeque<>());
            while (!open.isEmpty() && open.peek().end <= start) {
                add(found, open.pop());
            }
            Open next = new Open(
                    event.path("name").asString(""), start, event.path("dur").asDouble());
            if (!open.isEmpty()) {
                open.peek().within += next.micros;
            }
            open.push(next);
        }
        threads.values().forEach(open -> open.forEach(operator -> add(found, operator)));
        return found.values().stream()
                .sorted(Comparator.comparingDouble(Operator::millis).reversed().thenComparing(Operator::name))
                .toList();
    }

    private static void add(Map<String, Operator> found, Open open) {
        found.merge(
                open.name,
                new Operator(open.name, 1, (open.micros - open.within) / 1e3),
                (a, b) -> new Operator(a.name(), a.calls() + b.calls(), a.millis() + b.millis()));
    }
}
