package dev.lyne.student.report;

import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What a report shows.
 *
 * @param title heading of the page
 * @param subtitle one sentence below it
 * @param headlines figures to lead with; where empty, they are made from the runs
 * @param runs in the order of their colours: the distilled student first, its twin after it
 * @param tables other figures, as a teacher server's
 * @param samples the same beginnings continued by several models
 */
public record ReportData(
        String title,
        String subtitle,
        List<Headline> headlines,
        List<Run> runs,
        List<FactTable> tables,
        List<SampleSet> samples) {
    public ReportData {
        headlines = List.copyOf(headlines);
        runs = List.copyOf(runs);
        tables = List.copyOf(tables);
        samples = List.copyOf(samples);
        if (runs.isEmpty()) {
            throw new IllegalArgumentException("runs: 0 (expected: 1 or more)");
        }
    }

    /**
     * A figure to lead with.
     *
     * @param label what it is, in a few words
     * @param value the figure with its unit
     * @param note what it means or is compared with; may be empty
     */
    public record Headline(String label, String value, String note) {}

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
            Map<String, String> settings) {
        public Run {
            training = List.copyOf(training);
            heldOut = List.copyOf(heldOut);
        }
    }

    /**
     * A training step: negative log-likelihood of the training text in nats a token, after so many seconds.
     *
     * @param scheduled what the schedules gave the step, by name
     */
    public record TrainingPoint(
            long step, double seconds, double nll, double positionsPerSecond, Map<String, Double> scheduled) {}

    /** An evaluation: negative log-likelihood of held-out text in nats a token. */
    public record HeldOutPoint(long step, double seconds, double nll) {}

    /** Facts under a heading. */
    public record FactTable(String title, String note, List<Fact> facts) {
        public FactTable {
            facts = List.copyOf(facts);
        }
    }

    /** A fact and what it is. */
    public record Fact(String label, String value) {}

    /** A beginning and what each model made of it. */
    public record SampleSet(String prompt, List<Continuation> continuations) {
        public SampleSet {
            continuations = List.copyOf(continuations);
        }
    }

    /** What one model wrote. */
    public record Continuation(String model, String text) {}
}
