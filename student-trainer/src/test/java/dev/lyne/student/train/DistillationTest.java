package dev.lyne.student.train;

import static dev.lyne.student.train.TeacherRuns.listening;
import static dev.lyne.student.train.TeacherRuns.run;
import static dev.lyne.student.train.TeacherRuns.stopAfter;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.student.checkpoint.CheckpointMismatchException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DistillationTest {
    @TempDir
    java.nio.file.Path directory;

    private TinyRun tiny;

    @BeforeEach
    void makeCorpus() throws Exception {
        tiny = new TinyRun(directory);
    }

    @Test
    void train_withATeacher_comesNearerToItAndUsesEveryTarget() throws Exception {
        List<ProgressListener.Step> steps = new ArrayList<>();
        RunSummary summary = run(
                config("out", Map.of(Setting.ALPHA, "1", Setting.STEPS, "30", Setting.EVALUATE_EVERY, "0")),
                new BigramTeacher(tiny.vocabularySize, "a"),
                false,
                listening(steps));
        assertThat(steps.get(29).update().divergence())
                .isLessThan(steps.get(0).update().divergence() * 0.7);
        assertThat(summary.method()).isEqualTo("forward_kl");
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
        assertThat(summary.targets().teacherPositions())
                .containsExactly(Map.entry("computed", summary.pace().positions()));
    }

    @Test
    void train_firstStep_addsUpToTheWeightedLoss() throws Exception {
        List<ProgressListener.Step> steps = new ArrayList<>();
        run(
                config("out", Map.of(Setting.ALPHA, "0.25", Setting.STUDENT_TEMPERATURE, "2", Setting.STEPS, "3")),
                new BigramTeacher(tiny.vocabularySize, "a"),
                false,
                listening(steps));
        ProgressListener.Step step = steps.get(0);
        assertThat(step.update().loss())
                .isEqualTo(0.75 * step.update().nll() + 0.25 * 4 * step.update().divergence(), within(1e-4));
    }

    @Test
    void train_stoppedAndResumedWithATeacher_endsAsIfNeverStopped() throws Exception {
        run(config("whole", Map.of()), new BigramTeacher(tiny.vocabularySize, "a"), false, ProgressListener.none());
        TrainingConfig config = config("parts", Map.of());
        assertThatThrownBy(() -> run(config, new BigramTeacher(tiny.vocabularySize, "a"), false, stopAfter(5)))
                .isInstanceOf(TeacherRuns.Stop.class);
        assertThatThrownBy(
                        () -> run(config, new BigramTeacher(tiny.vocabularySize, "b"), true, ProgressListener.none()))
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("teacher.model_digest: bbb");
        BigramTeacher otherwise = new BigramTeacher(tiny.vocabularySize, "a");
        otherwise.deterministic = false;
        assertThatThrownBy(() -> run(config, otherwise, true, ProgressListener.none()))
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("float32, not deterministic (expected: torch 2.7.1, fake")
                .hasMessageContaining("--deterministic false goes on with other bits");
        BigramTeacher teacher = new BigramTeacher(tiny.vocabularySize, "a");
        RunSummary summary = run(config, teacher, true, ProgressListener.none());
        assertThat(new RunDirectory(directory.resolve("parts")).checkpoints().resolve("step-000008/state.safetensors"))
                .hasSameBinaryContentAs(new RunDirectory(directory.resolve("whole"))
                        .checkpoints()
                        .resolve("step-000008/state.safetensors"));
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
        assertThat(teacher.asked).as("windows asked from step 6 to step 8").isEqualTo(12);
    }

    @Test
    void train_sequenceFailsTwice_isAskedAgainAndCovered() throws Exception {
        BigramTeacher teacher =
                new BigramTeacher(tiny.vocabularySize, "a").failing(3, 2).failing(5, 1);
        RunSummary summary = run(config("out", Map.of()), teacher, false, ProgressListener.none());
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
        assertThat(teacher.again).isEqualTo(3);
    }

    @Test
    void train_sequenceFailsForGood_stopsWithTheListAndAppliesNothing() throws Exception {
        BigramTeacher teacher = new BigramTeacher(tiny.vocabularySize, "a").failing(3, 1000);
        List<ProgressListener.Step> steps = new ArrayList<>();
        TrainingConfig config = config("out", Map.of(Setting.STEPS, "40"));
        assertThatThrownBy(() -> run(config, teacher, false, listening(steps)))
                .isInstanceOf(TrainingStoppedException.class)
                .hasMessageContaining("step " + (steps.size() + 1) + ": coverage 0.")
                .hasMessageContaining("(expected: at least 1.0)")
                .hasMessageContaining("sequence 3: DATA_LOSS: logits are not finite");
    }

    @Test
    void train_lowerCoverageAllowed_goesOnWithTheLabelsAlone() throws Exception {
        BigramTeacher teacher = new BigramTeacher(tiny.vocabularySize, "a").failing(3, 1000);
        RunSummary summary = run(
                config("out", Map.of(Setting.STEPS, "40", Setting.MIN_COVERAGE, "0.5", Setting.EVALUATE_EVERY, "0")),
                teacher,
                false,
                ProgressListener.none());
        assertThat(summary.targets().coverage()).isBetween(0.8, 0.999);
        assertThat(summary.pace().steps()).isEqualTo(40);
    }

    private TrainingConfig config(String out, Map<Setting, String> others) throws Exception {
        Map<Setting, String> settings = new EnumMap<>(Setting.class);
        settings.put(Setting.TEACHER, "localhost:1");
        settings.put(Setting.ALPHA, "0.5");
        settings.put(Setting.TOP_K, "2");
        settings.putAll(others);
        return tiny.config(out, settings);
    }
}
