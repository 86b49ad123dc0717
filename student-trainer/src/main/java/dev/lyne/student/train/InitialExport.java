package dev.lyne.student.train;

import dev.lyne.files.AtomicFile;
import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.lm.training.Column;
import dev.lyne.lm.training.Trainable;
import dev.lyne.lm.weights.SafetensorsModel;
import dev.lyne.student.evaluate.HeldOutLoss;
import dev.lyne.student.tokens.Window;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import tools.jackson.databind.json.JsonMapper;

/**
 * Export of what another trainer needs to begin where a run begins and to go as it goes, in one directory: the
 * student's weights before step 1 as a Hugging Face model with its tokenizer; {@code settings.json}, every setting;
 * {@code windows.jsonl} and {@code held_out.jsonl}, the token ids of each window in the order of their numbers;
 * {@code steps.jsonl}, each step's scheduled values and windows; and once the first step's targets are there
 * {@code first_targets.jsonl}, the teacher's rows as the student learns from them.
 */
final class InitialExport {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final int LINES_TOGETHER = 256;
    private static final String SETTINGS = "settings.json";

    /** Files of whoever has the directory, one of which at least stands there. */
    private static final List<String> OWNED = List.of(
            SETTINGS,
            ModelConfiguration.FILE_NAME,
            SafetensorsModel.SINGLE_FILE,
            SafetensorsModel.INDEX_FILE,
            Tokenizer.FILE_NAME);

    private final Path directory;

    InitialExport(Path directory) {
        this.directory = directory;
    }

    /**
     * Writes all but the targets.
     *
     * @throws IllegalArgumentException where the directory holds a model, or the export of a run of other settings
     */
    void write(TrainingConfig config, TrainingMaterial material, Trainable model) throws IOException {
        requireNothingOfOthers(config);
        RunReports.writeSettings(config.settings(), directory.resolve(SETTINGS)); // first: they say whose the rest is
        model.export(directory, "float32");
        RunDirectory.copyTokenizer(config.tokenizerDirectory(), directory);
        RunDirectory.nameEnd(directory, material.text().wrapping());
        lines(
                "windows.jsonl",
                material.windows().count(),
                number -> line(material.windows().window(number)));
        if (material.heldOut().isPresent()) {
            HeldOutLoss heldOut = material.heldOut().get();
            lines("held_out.jsonl", heldOut.count(), number -> line(heldOut.window(number)));
        }
        RunSchedules schedules = RunSchedules.of(config, material.steps());
        int batch = config.data().batch();
        lines("steps.jsonl", material.steps(), index -> {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("step", index + 1);
            line.putAll(schedules
                    .at(index + 1, Map.of())
                    .named(config.distillation().enabled()));
            line.put(
                    "windows",
                    LongStream.range(index * batch, (index + 1) * batch)
                            .map(material.sequence()::corpusIndex)
                            .toArray());
            return line;
        });
    }

    /** A model is never written over, but by the same run where it begins again. */
    private void requireNothingOfOthers(TrainingConfig config) throws IOException {
        if (RunReports.isOf(config.settings(), directory.resolve(SETTINGS))) {
            return;
        }
        for (String name : OWNED) {
            if (Files.exists(directory.resolve(name))) {
                throw Settings.refused(
                        Setting.EXPORT_INITIAL, directory + " holds " + name, "a directory without it, or none");
            }
        }
    }

    /** Writes the targets of the first step, a line a window; of a window that has none an empty object. */
    void writeTargets(List<StepFeed.Item> items, float temperature) throws IOException {
        TargetColumns columns = new TargetColumns(temperature);
        lines("first_targets.jsonl", items.size(), index -> {
            StepFeed.Item item = items.get(Math.toIntExact(index));
            return item.targets().isEmpty()
                    ? Map.of()
                    : line(columns.of(List.of(item.targets()), new int[] {item.positions()}));
        });
    }

    private static Map<String, Object> line(Window window) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("input_ids", window.tokens());
        line.put("prompt_tokens", window.positions()[0] + 1); // positions are one run, up to the end
        if (window.teacherTokens().length > 0) {
            line.put("teacher_input_ids", window.teacherTokens());
        }
        return line;
    }

    private static Map<String, Object> line(Map<String, Column> columns) {
        Map<String, Object> line = new LinkedHashMap<>();
        columns.forEach((name, column) -> {
            if (column instanceof Column.Longs longs) {
                line.put("width", longs.width());
                line.put(name, longs.values());
            } else if (column instanceof Column.Floats floats) {
                line.put(name, numbers(floats.values()));
            }
        });
        return line;
    }

    /** Numbers as JSON has them: what is not finite is null. */
    private static List<Optional<Float>> numbers(float[] values) {
        List<Optional<Float>> numbers = new ArrayList<>(values.length);
        for (float value : values) {
            numbers.add(Float.isFinite(value) ? Optional.of(value) : Optional.empty());
        }
        return numbers;
    }

    private void lines(String name, long count, LongFunction<Map<String, Object>> line) throws IOException {
        try (AtomicFile file = AtomicFile.create(directory.resolve(name))) {
            StringBuilder text = new StringBuilder();
            for (long number = 0; number < count; number++) {
                text.append(JSON.writeValueAsString(line.apply(number))).append('\n');
                if (number % LINES_TOGETHER == LINES_TOGETHER - 1) {
                    file.append(ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8)));
                    text.setLength(0);
                }
            }
            file.append(ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8)));
            file.commit();
        }
    }
}
