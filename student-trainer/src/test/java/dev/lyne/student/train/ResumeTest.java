package dev.lyne.student.train;

import static dev.lyne.student.train.TeacherRuns.stopAfter;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.student.checkpoint.CheckpointMismatchException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

final class ResumeTest {
    @TempDir
    Path directory;

    @Test
    void train_stoppedAndResumed_endsAsIfNeverStopped() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        RunSummary whole = Trainer.train(tiny.config("whole", Map.of()), RunStart.AFRESH, ProgressListener.none());

        TrainingConfig config = tiny.config("parts", Map.of());
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, stopAfter(5)))
                .isInstanceOf(TeacherRuns.Stop.class);
        assertThatThrownBy(() -> Trainer.train(config, RunStart.RESUMED, stopAfter(7)))
                .isInstanceOf(TeacherRuns.Stop.class);
        RunSummary parts = Trainer.train(config, RunStart.RESUMED, ProgressListener.none());

        RunDirectory expected = new RunDirectory(directory.resolve("whole"));
        RunDirectory actual = new RunDirectory(directory.resolve("parts"));
        assertThat(actual.checkpoints().resolve("step-000008/state.safetensors"))
                .hasSameBinaryContentAs(expected.checkpoints().resolve("step-000008/state.safetensors"));
        assertThat(actual.model().resolve("model.safetensors"))
                .hasSameBinaryContentAs(expected.model().resolve("model.safetensors"));
        assertThat(actual.samples()).hasSameTextualContentAs(expected.samples());
        assertThat(withoutTimes(actual.metrics())).isEqualTo(withoutTimes(expected.metrics()));
        assertThat(parts.heldOut().stream().map(h -> h.step() + " " + h.nll()))
                .containsExactlyElementsOf(whole.heldOut().stream()
                        .map(h -> h.step() + " " + h.nll())
                        .toList());
        assertThat(parts.pace().steps()).isEqualTo(8);
        assertThat(parts.pace().positions()).isEqualTo(whole.pace().positions());
    }

    @Test
    void train_askedToStop_leavesACheckpointToGoOnFrom() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Trainer.train(tiny.config("whole", Map.of(Setting.STEPS, "4")), RunStart.AFRESH, ProgressListener.none());
        TrainingConfig config = tiny.config("parts", Map.of(Setting.STEPS, "4", Setting.CHECKPOINT_EVERY, "0"));
        ProgressListener impatient = new ProgressListener() {
            private long steps;

            @Override
            public void onStep(Step step) {
                steps = step.step();
            }

            @Override
            public boolean isStopRequested() {
                return steps == 3;
            }
        };
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, impatient))
                .isInstanceOf(TrainingStoppedException.class)
                .hasMessageStartingWith("stopped as asked after step 3 of 4");
        Trainer.train(config, RunStart.RESUMED, ProgressListener.none());
        assertThat(new RunDirectory(directory.resolve("parts")).model().resolve("model.safetensors"))
                .hasSameBinaryContentAs(
                        new RunDirectory(directory.resolve("whole")).model().resolve("model.safetensors"));
    }

    @Test
    void train_plainly_learnsAndLeavesAWholeDirectory() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        TrainingConfig config = tiny.config(
                "out", Map.of(Setting.STEPS, "40", Setting.EVALUATE_EVERY, "0", Setting.CHECKPOINT_EVERY, "0"));
        RunSummary summary = Trainer.train(config, RunStart.AFRESH, ProgressListener.none());
        assertThat(summary.method()).isEqualTo("cross_entropy");
        assertThat(summary.targets().coverage()).isNull();
        assertThat(summary.pace().stallFraction()).isZero();
        assertThat(summary.pace().positionsPerSecond()).isPositive();
        assertThat(summary.heldOut()).hasSize(2);
        assertThat(summary.heldOut().get(1).nll())
                .isLessThan(summary.heldOut().get(0).nll() - 1);
        RunDirectory out = new RunDirectory(directory.resolve("out"));
        assertThat(RunSummary.read(out.summary())).isEqualTo(summary);
        assertThat(JsonMapper.shared()
                        .readTree(Files.readAllBytes(out.summary()))
                        .propertyNames())
                .containsExactly(
                        "name",
                        "method",
                        "selection",
                        "row_precision",
                        "parameters",
                        "steps",
                        "positions",
                        "seconds",
                        "positions_per_second",
                        "stall_fraction",
                        "coverage",
                        "bytes_per_position",
                        "teacher_positions",
                        "held_out",
                        "responses",
                        "parent",
                        "document_bos",
                        "document_eos",
                        "document_wrapping_from",
                        "prompt_tokens_cut",
                        "windows_cut",
                        "skipped_documents");
        assertThat(Files.readAllLines(out.metrics())).hasSize(40 + 2);
        assertThat(Samples.read(out.samples())).hasSize(1);
        try (Tokenizer tokenizer = Tokenizer.load(out.model())) {
            assertThat(tokenizer.vocabularySize()).isLessThanOrEqualTo(300);
        }
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("holds checkpoints");
        assertThat(Trainer.train(config, RunStart.RESUMED, ProgressListener.none()))
                .isEqualTo(summary);
    }

    @Test
    void train_resumedWithOtherSettings_isRefusedNamingBothValues() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        assertThatThrownBy(() -> Trainer.train(tiny.config("out", Map.of()), RunStart.AFRESH, stopAfter(3)))
                .isInstanceOf(TeacherRuns.Stop.class);
        TrainingConfig other = tiny.config("out", Map.of(Setting.CONTEXT, "20", Setting.LEARNING_RATE, "0.02"));
        assertThatThrownBy(() -> Trainer.train(other, RunStart.RESUMED, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("learning_rate: 0.02 (expected: 0.01)")
                .hasMessageContaining("packing.context: 20 (expected: 24)");
        Files.writeString(tiny.corpus, "{\"text\":\"another corpus, long enough to train on\"}\n");
        assertThatThrownBy(() -> Trainer.train(tiny.config("out", Map.of()), RunStart.RESUMED, ProgressListener.none()))
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("packing.corpus: ");
    }

    @Test
    void train_resumedWithAnotherArithmeticOfTheSameShapes_isRefusedNamingTheKeys() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        TrainingConfig config = tiny.config("out", Map.of());
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, stopAfter(3)))
                .isInstanceOf(TeacherRuns.Stop.class);
        tiny.computeOtherwise();
        assertThatThrownBy(() -> Trainer.train(config, RunStart.RESUMED, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(TinyRun.OTHER_ARITHMETIC);
    }

    @Test
    void train_secondRunOnTheSameDirectory_isRefusedAndTouchesNothing() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        TrainingConfig config = tiny.config("out", Map.of());
        RunDirectory run = new RunDirectory(config.out());
        Path aside = run.checkpoints().resolve(".step-000009.writing");
        List<Throwable> refusals = new ArrayList<>();
        Trainer.train(config, RunStart.AFRESH, new ProgressListener() {
            @Override
            public void onStep(Step step) {
                if (step.step() == 5) {
                    refusals.add(catchThrowable(() -> {
                        Files.createDirectory(aside);
                        Trainer.train(config, RunStart.RESUMED, ProgressListener.none());
                    }));
                }
            }
        });
        assertThat(refusals)
                .singleElement()
                .satisfies(refusal -> assertThat(refusal)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("out: " + config.out() + ": another run writes into it (expected: one at a time)"));
        assertThat(aside).exists();
        assertThat(Files.readAllLines(run.metrics())).hasSize(8 + 4);
        Trainer.train(config, RunStart.RESUMED, ProgressListener.none());
        assertThat(aside).doesNotExist();
    }

    private static List<String> withoutTimes(Path metrics) throws IOException {
        return Files.readAllLines(metrics).stream()
                .map(line -> line.replaceAll("\"(seconds|positions_per_second|stall_fraction)\":[^,}]*", ""))
                .toList();
    }
}
