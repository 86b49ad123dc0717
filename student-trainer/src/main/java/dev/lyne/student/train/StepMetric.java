package dev.lyne.student.train;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import tools.jackson.databind.node.ObjectNode;

/** A figure of an optimiser step: its key in {@code metrics.jsonl}, and its tag among the events, where it has one. */
enum StepMetric {
    LOSS("loss", "train/loss", step -> step.update().loss()),
    /** Loss of a step on data. */
    NLL("nll", "train/nll", step -> step.update().nll()),
    /** Divergence of a step that learns from a teacher. */
    DIVERGENCE("divergence", "train/divergence", step -> step.update().divergence()),
    GRADIENT_NORM("gradient_norm", "train/gradient_norm", step -> step.update().gradientNorm()),
    POSITIONS("positions", "", step -> step.pace().positions()),
    SECONDS("seconds", "", step -> step.pace().seconds()),
    POSITIONS_PER_SECOND(
            "positions_per_second",
            "speed/positions_per_second",
            step -> step.pace().positionsPerSecond()),
    STALL_FRACTION("stall_fraction", "speed/stall_fraction", step -> step.pace().stallFraction()),
    /** Coverage of a run with a teacher. */
    COVERAGE("coverage", "teacher/coverage", step -> step.coverage());

    private final String key;
    private final String tag;
    private final Function<ProgressListener.Step, Number> value;

    StepMetric(String key, String tag, Function<ProgressListener.Step, Number> value) {
        this.key = key;
        this.tag = tag;
        this.value = value;
    }

    /** Key of what a step was on each of several teachers' windows. */
    static final String TEACHERS = "teachers";

    /** The keys of all. */
    static Set<String> keys() {
        return Arrays.stream(values()).map(metric -> metric.key).collect(Collectors.toUnmodifiableSet());
    }

    /** Puts all of a step into a line of metrics; what schedules, the loss and own text gave it stands before the gradient's norm. */
    static void put(ProgressListener.Step step, ObjectNode line) {
        for (StepMetric metric : values()) {
            if (metric == GRADIENT_NORM) {
                step.update().ownText().forEach((name, value) -> line.put("own_text_" + name, value));
                step.update().scheduled().forEach(line::put);
                step.update()
                        .byTeacher()
                        .keySet()
                        .forEach(teacher -> ofTeacher(step, teacher)
                                .forEach(line.withObjectProperty(TEACHERS).putObject(teacher)::put));
            }
            Number value = metric.value.apply(step);
            if (value instanceof Long whole) {
                line.put(metric.key, whole);
            } else if (metric.isThere(value)) {
                line.put(metric.key, value.doubleValue());
            }
        }
    }

    /** A step's values by tag, for an event. */
    static Map<String, Double> scalars(ProgressListener.Step step) {
        Map<String, Double> scalars = new LinkedHashMap<>();
        for (StepMetric metric : values()) {
            if (metric == GRADIENT_NORM) {
                step.update().ownText().forEach((name, value) -> scalars.put("own_text/" + name, value));
                step.update().scheduled().forEach((name, value) -> scalars.put("train/" + name, value));
                step.update()
                        .byTeacher()
                        .keySet()
                        .forEach(teacher -> ofTeacher(step, teacher)
                                .forEach((name, value) -> scalars.put("teacher/" + teacher + "/" + name, value)));
            }
            Number value = metric.value.apply(step);
            if (!metric.tag.isEmpty() && metric.isThere(value)) {
                scalars.put(metric.tag, value.doubleValue());
            }
        }
        return scalars;
    }

    /** Figures of one of several teachers that there are, by name. */
    private static Map<String, Double> ofTeacher(ProgressListener.Step step, String teacher) {
        ProgressListener.OfTeacher update =
                Objects.requireNonNull(step.update().byTeacher().get(teacher));
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("positions", (double) update.positions());
        figures.put("nll", update.nll());
        figures.put("divergence", update.divergence());
        figures.put("coverage", step.coverageByTeacher().getOrDefault(teacher, Double.NaN));
        figures.values().removeIf(value -> value.isNaN());
        return figures;
    }

    private boolean isThere(Number value) {
        return (this != NLL && this != DIVERGENCE && this != COVERAGE) || !Double.isNaN(value.doubleValue());
    }
}
