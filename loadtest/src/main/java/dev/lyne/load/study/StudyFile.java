package dev.lyne.load.study;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lyne.files.JsonFaults;
import dev.lyne.lm.files.TextFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * A study as its YAML file says it. Values of settings are those of {@code lyne train}, by key; {@code targets} names one of the
 * captures, or is {@code none}, or {@code server} for the teacher itself. A point's settings take the place of its axis's, those of the study's.
 *
 * @param name of the study
 * @param title for people
 * @param source what is repeated, for people
 * @param teacher a model directory, or {@code demo}
 * @param seeds of which each point has a student each, at least one
 * @param parallel students trained at a time
 * @param heldOutWindows windows of the held-out text that every student is evaluated on
 * @param settings of every student
 * @param teachers models that are trained first, by name: their settings, as of {@code lyne pretrain}
 * @param captures targets that are recorded first, by name: their settings, as of {@code lyne capture}
 * @param generations responses that the teacher writes first, by name: settings of the corpus and of responses, and how many {@code prompts}
 * @param axes what is varied, one thing each
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record StudyFile(
        String name,
        String title,
        @Nullable String source,
        @Nullable String teacher,
        List<Long> seeds,
        @Nullable Integer parallel,
        @JsonProperty("held_out_windows") int heldOutWindows,
        Map<String, JsonNode> settings,
        @Nullable Map<String, Map<String, JsonNode>> teachers,
        @Nullable Map<String, Map<String, JsonNode>> captures,
        @Nullable Map<String, Map<String, JsonNode>> generations,
        List<AxisFile> axes) {
    private static final YAMLMapper YAML = YAMLMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    /**
     * Axis of a file: a setting that is varied.
     *
     * @param x what its points are called on the page
     * @param note what the source reports, for people
     * @param baseline label of the point that the others are compared with
     * @param metrics that are shown, of {@link StudyMetric}; the first decides
     */
    record AxisFile(
            String name,
            String title,
            @Nullable String x,
            @Nullable String note,
            String baseline,
            @Nullable List<String> metrics,
            @Nullable Map<String, JsonNode> settings,
            @Nullable ChoiceFile choice,
            List<PointFile> points) {}

    /**
     * A setting that each point has at its own best value.
     *
     * @param setting its key
     * @param values that are tried
     * @param seed of the students that it is chosen by, none of the study's
     * @param metric that decides
     * @param settings of those students in place of the point's
     */
    record ChoiceFile(
            String setting,
            List<String> values,
            long seed,
            String metric,
            @Nullable Map<String, JsonNode> settings) {}

    /**
     * A point of an axis.
     *
     * @param label unique within its axis
     * @param series points of a series are joined by a line; with a series, {@code at} says where the point stands
     * @param paper what the source reports for it, as it says it
     * @param choose values in place of the axis's choice
     */
    record PointFile(
            String label,
            @Nullable String series,
            @Nullable String at,
            @Nullable String paper,
            @Nullable List<String> choose,
            @Nullable Map<String, JsonNode> settings) {}

    /**
     * Reads a file.
     *
     * @throws IllegalArgumentException names the file, and the line where it is not YAML of this form
     */
    static StudyFile read(Path file) throws IOException {
        try {
            return YAML.readValue(TextFiles.read("--config", file, "a YAML file of a study"), StudyFile.class);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    file + ": " + JsonFaults.explain(e) + " (expected: a study, see docs/study.md)");
        }
    }
}
