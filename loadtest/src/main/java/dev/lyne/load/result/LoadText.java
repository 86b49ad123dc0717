package dev.lyne.load.result;

import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Printer of a load test's step, for a terminal. */
public final class LoadText {
    private LoadText() {}

    public static void print(PrintStream out, StepResult step) {
        boolean open = step.offeredPerSecond() > 0;
        String students = open ? String.format(", %d students", step.students()) : "";
        out.printf("%s%s, %.1f s%n", step.label(), students, step.seconds());
        if (open) {
            out.printf(
                    "  sequences/s       %,.1f offered, %,d due, %,.1f answered%n",
                    step.offeredPerSecond(),
                    step.counts().intended(),
                    step.answered().sequencesPerSecond());
        } else {
            out.printf("  sequences/s       %,.1f answered%n", step.answered().sequencesPerSecond());
        }
        out.printf("  positions/s       %,.0f%n", step.answered().positionsPerSecond());
        out.printf("  bytes/s           %,.0f%n", step.answered().bytesPerSecond());
        out.printf("  bytes a position  %.1f%n", step.answered().bytesPerPosition());
        boolean answered = step.counts().sequences() > 0;
        out.printf(
                "  hit ratio         %s%n",
                answered
                        ? String.format(
                                "%.3f (%s)",
                                step.answered().hitRatio(),
                                listed("%s %,d", step.answered().positionsBySource()))
                        : "none: nothing was answered");
        boolean timed = answered || step.counts().unanswered() > 0; // what was given up counts with its age
        out.printf(
                "  latency, ms       %s%n",
                timed ? listed("%s %.1f", step.timing().latencyMillis()) : "none: nothing was answered");
        if (open) {
            out.printf(
                    "  generator lag, ms %s%n", listed("%s %.1f", step.timing().lagMillis()));
        }
        out.printf(
                "  generator CPU     %.2f s, %.3f s a million positions%n",
                step.generatorCpuSeconds(),
                step.answered().positions() == 0
                        ? 0
                        : step.generatorCpuSeconds() * 1e6 / step.answered().positions());
        out.printf(
                "  faults            %d failed, %d unanswered, %d reconnects, refused: %s%n",
                step.counts().failed(),
                step.counts().unanswered(),
                step.interruptions().reconnects(),
                step.interruptions().refusals().isEmpty()
                        ? "none"
                        : listed("%s %,d", step.interruptions().refusals()));
        step.interruptions()
                .refusalMessages()
                .forEach((reason, message) -> out.printf("    %s: %s%n", reason, message));
        Map<String, Double> server = step.server();
        for (String series : List.of("lyne_teacher_queue_tokens", "lyne_teacher_unsent_bytes")) {
            server.forEach((name, value) -> {
                if (name.startsWith(series)) {
                    out.printf("  %s %,.0f (mean)%n", name, value);
                }
            });
        }
    }

    private static String listed(String format, Map<String, ?> values) {
        return values.entrySet().stream()
                .map(each -> String.format(format, each.getKey(), each.getValue()))
                .collect(Collectors.joining(", "));
    }
}
