package dev.lyne.load.study;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lyne.files.AtomicFile;
import dev.lyne.student.evaluate.Evaluation;
import dev.lyne.student.rollout.ResponseEvaluation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Result of one student.
 *
 * @param id of its {@link StudyRun}
 * @param settings that it was trained with, by key
 * @param parameters trained numbers
 * @param steps optimiser steps
 * @param positions positions trained
 * @param seconds training time
 * @param responses to held-out prompts; null where the study asks for none
 */
public record StudyResult(
        String id,
        Map<String, String> settings,
        long parameters,
        long steps,
        long positions,
        double seconds,
        @JsonProperty("stall_fraction") double stallFraction,
        Evaluation evaluation,
        @Nullable ResponseEvaluation responses) {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /** Writes it, whole or not at all. */
    public void write(Path file) throws IOException {
        AtomicFile.write(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(this));
    }

    /** Reads what {@link #write} wrote. */
    public static StudyResult read(Path file) throws IOException {
        return JSON.readValue(Files.readAllBytes(file), StudyResult.class);
    }

    /** Returns the result in one line. */
    public String line() {
        return JSON.writeValueAsString(this);
    }
}
