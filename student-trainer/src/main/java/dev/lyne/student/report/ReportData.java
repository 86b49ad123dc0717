package dev.lyne.student.report;

import dev.lyne.student.page.Block;
import dev.lyne.student.page.Page;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * Data that a report shows.
 *
 * @param title heading of the page
 * @param lead one sentence below it
 * @param runs in the order of their colours: the distilled student first, its twin after it
 * @param sections other figures, as a teacher server's
 * @param samples the same beginnings continued by several models
 */
public record ReportData(
        String title, String lead, List<Run> runs, List<Page.Section> sections, List<Block.Texts> samples) {
    public ReportData {
        runs = List.copyOf(runs);
        sections = List.copyOf(sections);
        samples = List.copyOf(samples);
        if (runs.isEmpty()) {
            throw new IllegalArgumentException("runs: 0 (expected: 1 or more)");
        }
    }

    /**
     * A training run.
     *
     * @param name name for legends
     * @param method how it learnt
     * @param stallFraction share of its time spent waiting for targets
     * @param coverage targets used over targets needed; empty without a teacher
     * @param teacherPositions targets from each source
     * @param training curve of training steps
     * @param heldOut evaluations
     * @param alarms what was wrong with text that it wrote
     * @param settings what it was started with
     */
    public record Run(
            String name,
            String method,
            long parameters,
            long steps,
            double positionsPerSecond,
            double stallFraction,
            OptionalDouble coverage,
            Map<String, Long> teacherPositions,
            List<TrainingPoint> training,
            List<HeldOutPoint> heldOut,
            List<Alarm> alarms,
            Map<String, String> settings) {
        public Run {
            training = List.copyOf(training);
            heldOut = List.copyOf(heldOut);
            alarms = List.copyOf(alarms);
        }
    }

    /** Warning of the text that a student wrote, after so many steps. */
    public record Alarm(long step, String text) {}

    /**
     * A training step: negative log-likelihood of the training text in nats a token, after so many seconds.
     *
     * @param scheduled what the schedules gave the step, by name
     */
    public record TrainingPoint(
            long step, double seconds, double nll, double positionsPerSecond, Map<String, Double> scheduled) {}

    /** An evaluation: negative log-likelihood of held-out text in nats a token. */
    public record HeldOutPoint(long step, double seconds, double nll) {}
}
