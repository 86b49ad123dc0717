package dev.lyne.student.train;

import static dev.lyne.student.train.TeacherRuns.listening;
import static dev.lyne.student.train.TeacherRuns.run;
import static dev.lyne.student.train.TeacherRuns.stopAfter;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.TargetSequence;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every selection trains a student, stands in the run's identity, and resumes to the same weights. */
final class SelectionTrainingTest {
    @TempDir
    Path directory;

    private TinyRun tiny;

    @BeforeEach
    void makeCorpus() throws Exception {
        tiny = new TinyRun(directory);
    }

    @ParameterizedTest
    @CsvSource({
        "top_k,compact,TOP_K=2,top_k top_k=2",
        "top_p_k,half,TOP_P=0.9,top_p_k top_p=0.9 top_k=64 truncated_at=1.0",
        "top_fraction,exact,TOP_FRACTION=0.01,top_fraction top_fraction=0.01",
        "draws,compact,DRAWS=30,draws draws=30 head=0 draw_seed=0",
        "chosen,compact,TOP_K=3,chosen top_k=3"
    })
    void train_everySelection_comesNearerAndResumesToTheSameWeights(
            String selection, String precision, String parameter, String described) throws Exception {
        String[] pair = parameter.split("=");
        Map<Setting, String> settings = Map.of(
                Setting.SELECTION, selection, Setting.ROW_PRECISION, precision, Setting.valueOf(pair[0]), pair[1]);
        List<ProgressListener.Step> steps = new ArrayList<>();
        RunSummary whole = run(config("whole", settings), teacher(), false, listening(steps));
        assertThat(steps.get(steps.size() - 1).update().divergence())
                .isLessThan(steps.get(0).update().divergence());
        assertThat(whole.method()).isEqualTo("forward_kl");
        assertThat(whole.selection()).isEqualTo(described);
        assertThat(whole.rowPrecision()).isEqualTo(precision);
        assertThat(whole.targets().bytesPerPosition()).isEqualTo(BigramTeacher.BYTES_PER_POSITION);
        assertThat(whole.targets().coverage()).isEqualTo(1.0);

        TrainingConfig parts = config("parts", settings);
        assertThatThrownBy(() -> run(parts, teacher(), false, stopAfter(5))).isInstanceOf(TeacherRuns.Stop.class);
        RunSummary resumed = run(parts, teacher(), true, ProgressListener.none());
        assertThat(new RunDirectory(directory.resolve("parts")).checkpoints().resolve("step-000008/state.safetensors"))
                .hasSameBinaryContentAs(new RunDirectory(directory.resolve("whole"))
                        .checkpoints()
                        .resolve("step-000008/state.safetensors"));
        assertThat(resumed.targets().bytesPerPosition()).isEqualTo(BigramTeacher.BYTES_PER_POSITION);
    }

    @Test
    void train_resumedWithAnotherSelectionOrPrecision_isRefusedNamingBoth() throws Exception {
        TrainingConfig config = config("out", Map.of(Setting.TOP_K, "2"));
        assertThatThrownBy(() -> run(config, teacher(), false, stopAfter(5))).isInstanceOf(TeacherRuns.Stop.class);
        TrainingConfig other = config("out", Map.of(Setting.TOP_K, "3", Setting.ROW_PRECISION, "half"));
        assertThatThrownBy(() -> run(other, teacher(), true, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("selection: top_k top_k=3 (expected: top_k top_k=2)")
                .hasMessageContaining("row_precision: half (expected: ");
    }

    @Test
    void train_chosenTokens_areTheStudentsOwnAndChangeWithIt() throws Exception {
        BigramTeacher teacher = teacher();
        run(
                config("out", Map.of(Setting.SELECTION, "chosen", Setting.TOP_K, "3", Setting.STEPS, "60")),
                teacher,
                false,
                ProgressListener.none());
        assertThat(teacher.sequences).hasSize(60 * 4);
        for (TargetSequence sequence : teacher.sequences) {
            assertThat(sequence.chosen()).hasNumberOfRows(sequence.positions().length);
            for (int[] ids : sequence.chosen()) {
                assertThat(ids).hasSize(3).doesNotHaveDuplicates();
            }
        }
        TargetSequence first = teacher.sequences.get(0);
        TargetSequence again = teacher.sequences.stream()
                .filter(sequence -> sequence != first && Arrays.equals(sequence.tokens(), first.tokens()))
                .reduce((before, last) -> last)
                .orElseThrow();
        assertThat(Arrays.deepEquals(again.chosen(), first.chosen())).isFalse();
    }

    @Test
    void train_chosenAndASequenceFails_isAskedAgainWithTheSameChoice() throws Exception {
        BigramTeacher teacher = teacher().failing(3, 2).failing(5, 1);
        RunSummary summary = run(
                config("out", Map.of(Setting.SELECTION, "chosen", Setting.TOP_K, "3")),
                teacher,
                false,
                ProgressListener.none());
        assertThat(summary.targets().coverage()).isEqualTo(1.0);
        assertThat(teacher.again).isEqualTo(3);
    }

    private BigramTeacher teacher() {
        return new BigramTeacher(tiny.vocabularySize, "a");
    }

    private TrainingConfig config(String out, Map<Setting, String> others) throws Exception {
        Map<Setting, String> settings = new EnumMap<>(Setting.class);
        settings.put(Setting.TEACHER, "localhost:1");
        settings.put(Setting.ALPHA, "0.9");
        settings.putAll(others);
        return tiny.config(out, settings);
    }
}
