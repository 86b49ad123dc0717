package dev.lyne.student.train;

import static dev.lyne.student.train.TeacherRuns.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Export of {@code train --export-initial} for another trainer, which is what the run then does. */
final class InitialExportTest {
    @TempDir
    Path directory;

    private TinyRun tiny;
    private Path initial;

    @BeforeEach
    void makeCorpus() throws Exception {
        tiny = new TinyRun(directory);
        initial = directory.resolve("initial");
    }

    private TrainingConfig config(String out, Map<Setting, String> others) throws IOException {
        Map<Setting, String> settings = new HashMap<>(others);
        settings.put(Setting.EXPORT_INITIAL, initial.toString());
        return tiny.config(out, settings);
    }

    private List<JsonNode> lines(String name) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(initial.resolve(name))) {
            lines.add(JsonMapper.shared().readTree(line));
        }
        return lines;
    }

    @Test
    void train_exportInitial_isTheStudentBeforeStepOne() throws Exception {
        RunSummary whole = Trainer.train(config("whole", Map.of()), RunStart.AFRESH, ProgressListener.none());
        TrainingConfig again = tiny.config("again", Map.of(Setting.STUDENT, initial.toString(), Setting.SEED, "99"));
        RunSummary from = Trainer.train(again, RunStart.AFRESH, ProgressListener.none());
        assertThat(from.heldOut().get(0)).isEqualTo(whole.heldOut().get(0));
        assertThat(initial.resolve("tokenizer.json")).hasSameBinaryContentAs(tiny.tokenizer.resolve("tokenizer.json"));
        assertThat(JsonMapper.shared()
                        .readTree(initial.resolve("settings.json").toFile())
                        .get("batch")
                        .asString())
                .isEqualTo("4");
    }

    @Test
    void train_exportInitial_stepsAndTargetsAreThoseThatTheRunTakes() throws Exception {
        List<Double> rates = new ArrayList<>();
        BigramTeacher teacher = new BigramTeacher(tiny.vocabularySize, "a");
        ProgressListener listener = new ProgressListener() {
            @Override
            public void onStep(Step step) {
                rates.add(step.update().learningRate());
            }
        };
        TrainingConfig config = config(
                "out",
                Map.of(Setting.ALPHA, "0.5", Setting.TEACHER, "localhost:1", Setting.TOP_K, "3", Setting.STEPS, "5"));
        run(config, teacher, false, listener);
        List<JsonNode> steps = lines("steps.jsonl");
        assertThat(steps.stream().map(line -> line.get("learning_rate").asDouble()))
                .containsExactlyElementsOf(rates);
        assertThat(steps.stream().map(line -> line.get("alpha").asDouble())).containsOnly(0.5);
        List<JsonNode> windows = lines("windows.jsonl");
        List<String> asked = teacher.sequences.stream()
                .map(sequence ->
                        IntStream.of(sequence.tokens()).boxed().toList() + " from " + (sequence.positions()[0] + 1))
                .toList();
        List<String> planned = steps.stream()
                .flatMap(line -> line.get("windows").valueStream())
                .map(number -> windows.get(number.asInt()))
                .map(window -> window.get("input_ids")
                                .valueStream()
                                .map(JsonNode::asInt)
                                .toList() + " from "
                        + window.get("prompt_tokens").asInt())
                .toList();
        assertThat(asked).containsExactlyElementsOf(planned);
        List<JsonNode> targets = lines("first_targets.jsonl");
        assertThat(targets).hasSize(4);
        JsonNode first = targets.get(0);
        int rows = first.get("teacher_log_tail").size();
        assertThat(rows).isEqualTo(teacher.sequences.get(0).positions().length);
        assertThat(first.get("teacher_ids")).hasSize(rows * first.get("width").asInt());
    }

    @Test
    void train_resumedPastStepZero_saysThatNothingIsWritten() throws Exception {
        Trainer.train(tiny.config("out", Map.of(Setting.STEPS, "4")), RunStart.AFRESH, ProgressListener.none());
        List<String> notices = new ArrayList<>();
        Trainer.train(config("out", Map.of(Setting.STEPS, "6")), RunStart.RESUMED, new ProgressListener() {
            @Override
            public void onNotice(String line) {
                notices.add(line);
            }
        });
        assertThat(notices).contains("export_initial: " + initial + " is not written, as the run goes on from step 4");
        assertThat(initial).doesNotExist();
    }

    @Test
    void train_exportWhereAModelStands_isRefusedAndLeavesIt() throws Exception {
        Path weights = Files.createDirectories(initial).resolve("model.safetensors");
        Files.writeString(weights, "precious");
        assertThatThrownBy(() -> Trainer.train(config("out", Map.of()), RunStart.AFRESH, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("export_initial: " + initial
                        + " holds model.safetensors (expected: a directory without it, or none)");
        assertThat(weights).hasContent("precious");
    }

    @Test
    void train_exportAgain_isTakenOfTheSameRunAlone() throws Exception {
        Map<Setting, String> few = Map.of(Setting.STEPS, "3");
        Trainer.train(config("out", few), RunStart.AFRESH, ProgressListener.none());
        for (String left : List.of("checkpoints", "model")) {
            Files.move(directory.resolve("out").resolve(left), directory.resolve(left)); // as if it had not begun
        }
        Trainer.train(config("out", few), RunStart.AFRESH, ProgressListener.none());
        assertThatThrownBy(() -> Trainer.train(config("other", few), RunStart.AFRESH, ProgressListener.none()))
                .hasMessageContaining("export_initial: " + initial + " holds settings.json");
    }

    @Test
    void config_exportOfOwnText_isRefused() {
        assertThatThrownBy(() -> config(
                        "out",
                        Map.of(Setting.ALPHA, "0.5", Setting.TEACHER, "127.0.0.1:1", Setting.ON_POLICY_SHARE, "1")))
                .hasMessage(
                        "export_initial: " + initial
                                + " (expected: empty with on_policy_share above 0, whose text is not known before it is written)");
    }
}
