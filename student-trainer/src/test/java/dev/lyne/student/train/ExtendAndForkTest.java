package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.student.checkpoint.CheckpointMismatchException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A finished run is extended, and another run begins where one stood. */
final class ExtendAndForkTest {
    @TempDir
    Path directory;

    private final List<ProgressListener.Step> steps = new ArrayList<>();
    private final List<String> notices = new ArrayList<>();

    private final ProgressListener listener = new ProgressListener() {
        @Override
        public void onStep(Step step) {
            steps.add(step);
        }

        @Override
        public void onNotice(String line) {
            notices.add(line);
        }
    };

    @Test
    void train_finishedRunResumedWithMoreSteps_goesOnUnderTheLongerSchedule() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Trainer.train(tiny.config("run", Map.of()), RunStart.AFRESH, ProgressListener.none());
        RunSummary summary = Trainer.train(tiny.config("run", Map.of(Setting.STEPS, "12")), RunStart.RESUMED, listener);
        assertThat(summary.pace().steps()).isEqualTo(12);
        assertThat(steps.stream().map(ProgressListener.Step::step)).containsExactly(9L, 10L, 11L, 12L);
        Schedule longer = new Schedule("cosine", 0.01, 0, 2, 0, 0, 12);
        for (ProgressListener.Step step : steps) {
            assertThat(step.update().learningRate()).isEqualTo(longer.learningRateAt(step.step()));
        }
        assertThat(notices)
                .filteredOn(notice -> notice.contains("learning rate"))
                .containsExactly(
                        "12 steps in place of 8: the learning rate jumps from 0.000670 at step 8 to 0.00345 at step 9");
        assertThatThrownBy(() -> Trainer.train(
                        tiny.config("run", Map.of(Setting.STEPS, "11")), RunStart.RESUMED, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("steps: 11 (expected: at least 12, which are done)");
    }

    @Test
    void train_forked_beginsWithTheParentsWeightsAndMomentsAndNamesIt() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Trainer.train(tiny.config("parent", Map.of()), RunStart.AFRESH, ProgressListener.none());
        Path checkpoint =
                new RunDirectory(directory.resolve("parent")).checkpoints().resolve("step-000006");
        Map<Setting, String> other = Map.of(Setting.SEED, "5", Setting.STEPS, "3", Setting.NAME, "child");

        RunSummary kept = forked(tiny, "kept", checkpoint, false, other);
        assertThat(steps.stream().map(ProgressListener.Step::step)).containsExactly(1L, 2L, 3L);
        RunSummary fresh = forked(tiny, "fresh", checkpoint, true, other);
        Trainer.train(tiny.config("plain", other), RunStart.AFRESH, ProgressListener.none());

        assertThat(kept.parent())
                .containsEntry("run", "tiny")
                .containsEntry("step", "6")
                .containsEntry("optimizer", "kept");
        assertThat(kept.parent().get("weights"))
                .matches("[0-9a-f]{64}")
                .isEqualTo(fresh.parent().get("weights"));
        assertThat(weights("kept")).isNotEqualTo(weights("fresh"));
        assertThat(kept.heldOut().get(0).nll())
                .as("the weights are the parent's before the first step")
                .isEqualTo(fresh.heldOut().get(0).nll())
                .isLessThan(heldOutAtStart("plain") - 0.1);
        assertThat(Files.readString(new RunDirectory(directory.resolve("kept")).report()))
                .contains("parent_step")
                .contains(kept.parent().get("weights"));
    }

    @Test
    void train_forkedAndInterrupted_goesOnBitForBitWithoutTheParent() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Trainer.train(tiny.config("parent", Map.of()), RunStart.AFRESH, ProgressListener.none());
        Path checkpoint =
                new RunDirectory(directory.resolve("parent")).checkpoints().resolve("step-000008");
        forked(tiny, "whole", checkpoint, false, Map.of());
        RunStart start = new RunStart(RunStart.Mode.AFRESH, Optional.of(new RunStart.Fork(checkpoint, false)));
        TrainingConfig config = tiny.config("parts", Map.of());
        assertThatThrownBy(() -> Trainer.train(config, start, TeacherRuns.stopAfter(3)))
                .isInstanceOf(TeacherRuns.Stop.class);
        Files.move(directory.resolve("parent"), directory.resolve("gone"));
        RunStart again = new RunStart(RunStart.Mode.RESUME_OR_BEGIN, start.fork());
        RunSummary summary = Trainer.train(config, again, ProgressListener.none());
        assertThat(weights("parts")).isEqualTo(weights("whole"));
        assertThat(summary.parent()).containsEntry("step", "8");
        RunStart other = new RunStart(
                RunStart.Mode.RESUME, Optional.of(new RunStart.Fork(checkpoint.resolveSibling("step-000006"), false)));
        assertThatThrownBy(() -> Trainer.train(config, other, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("fork: step 6, optimiser kept (expected: step 8, optimiser kept");
    }

    @Test
    void train_forkedWithAnotherTokenizerOrShape_isRefused() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Trainer.train(tiny.config("parent", Map.of()), RunStart.AFRESH, ProgressListener.none());
        Path checkpoint =
                new RunDirectory(directory.resolve("parent")).checkpoints().resolve("step-000008");
        TinyRun other = new TinyRun(Files.createDirectory(directory.resolve("other")));
        Path file = other.tokenizer.resolve("tokenizer.json");
        Files.writeString(file, Files.readString(file).replace("<|endoftext|>", "<|end|>"));
        Path names = other.tokenizer.resolve("tokenizer_config.json");
        Files.writeString(names, Files.readString(names).replace("<|endoftext|>", "<|end|>"));
        assertThatThrownBy(() -> forked(other, "child", checkpoint, false, Map.of()))
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("fork: " + checkpoint + ": tokenizer ");
        Files.writeString(
                tiny.shape,
                Files.readString(tiny.shape)
                        .replaceFirst("\"intermediate_size\" ?: ?\\d+", "\"intermediate_size\": 40"));
        assertThatThrownBy(() -> forked(tiny, "child", checkpoint, false, Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "fork: " + checkpoint + " is of another student; student.intermediate_size: 40 (expected: 32)");
    }

    @Test
    void train_forkedWithAnotherArithmeticOfTheSameShapes_isRefusedNamingTheKeys() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Trainer.train(tiny.config("parent", Map.of()), RunStart.AFRESH, ProgressListener.none());
        Path checkpoint =
                new RunDirectory(directory.resolve("parent")).checkpoints().resolve("step-000008");
        tiny.computeOtherwise();
        assertThatThrownBy(() -> forked(tiny, "child", checkpoint, false, Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("fork: " + checkpoint + " is of another student; " + TinyRun.OTHER_ARITHMETIC);
    }

    private RunSummary forked(TinyRun tiny, String out, Path parent, boolean fresh, Map<Setting, String> others)
            throws Exception {
        steps.clear();
        RunStart start = new RunStart(RunStart.Mode.AFRESH, Optional.of(new RunStart.Fork(parent, fresh)));
        return Trainer.train(tiny.config(out, new HashMap<>(others)), start, listener);
    }

    private byte[] weights(String out) throws Exception {
        return Files.readAllBytes(
                new RunDirectory(directory.resolve(out)).model().resolve("model.safetensors"));
    }

    private double heldOutAtStart(String out) throws Exception {
        return RunSummary.read(new RunDirectory(directory.resolve(out)).summary())
                .heldOut()
                .get(0)
                .nll();
    }
}
