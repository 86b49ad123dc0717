package dev.lyne.load.result;

import dev.lyne.files.JsonFaults;
import dev.lyne.lm.files.TextFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Result of a load run.
 *
 * @param format {@value #FORMAT}
 * @param profile what the students did, by option
 * @param teacher what the server called its teacher, for people
 * @param startedAt when, ISO 8601 in UTC
 * @param processes processes that ran it
 * @param saturatedAt label of the step at which a ramp found the server saturated; empty where none did
 * @param steps in the order they ran
 */
public record LoadResult(
        String format,
        Map<String, String> profile,
        String teacher,
        String startedAt,
        int processes,
        String saturatedAt,
        List<StepResult> steps) {
    /** Name and version of the format. */
    public static final String FORMAT = "lyne-load-2";

    private static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .build();

    public LoadResult {
        if (!format.equals(FORMAT)) {
            throw new IllegalArgumentException("format: " + format + " (expected: " + FORMAT + ")");
        }
        if (steps.isEmpty()) {
            throw new IllegalArgumentException("steps: none (expected: at least one)");
        }
    }

    /**
     * Reads a result from a file.
     *
     * @param option that names the file
     * @throws IllegalArgumentException where the file holds something else
     */
    public static LoadResult read(String option, Path file) throws IOException {
        JsonNode root;
        try {
            root = JSON.readTree(TextFiles.read(option, file, "what load --json wrote"));
            String format = root.path("format").asString("");
            if (!format.equals(FORMAT)) {
                throw new IllegalArgumentException(
                        file + ": format: " + (format.isEmpty() ? "none" : format) + " (expected: " + FORMAT + ")");
            }
            return JSON.treeToValue(root, LoadResult.class);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    file + ": " + JsonFaults.explain(e) + " (expected: what load --json wrote)", e);
        }
    }

    /** Returns the result as JSON. */
    public String toJson() {
        return JSON.writeValueAsString(this);
    }

    /** Sequences that were due over all steps and failed for good or were never answered, over those that were due. */
    public double failureShare() {
        long due = 0;
        long failures = 0;
        for (StepResult step : steps) {
            if (!isSaturated(step)) {
                due += step.counts().intended();
                failures += step.counts().failed() + step.counts().unanswered();
            }
        }
        return due == 0 ? 0 : (double) failures / due;
    }

    /** Whether the step is the one at which a ramp found the server saturated, which is what it was for. */
    public boolean isSaturated(StepResult step) {
        return step.label().equals(saturatedAt);
    }

    /** The step that gave the most positions a second. */
    public StepResult best() {
        return steps.stream()
                .max(Comparator.comparingDouble(step -> step.answered().positionsPerSecond()))
                .orElseThrow();
    }
}
