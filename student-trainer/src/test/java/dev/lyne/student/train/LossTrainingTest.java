package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.client.TargetSource;
import dev.lyne.student.loss.BuiltInLoss;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Every loss and schedule, from the settings to the student. */
final class LossTrainingTest {
    @TempDir
    Path directory;

    private TinyRun tiny;

    @BeforeEach
    void makeCorpus() throws Exception {
        tiny = new TinyRun(directory);
    }

    @ParameterizedTest
    @EnumSource(BuiltInLoss.class)
    void train_everyLoss_falls(BuiltInLoss loss) throws Exception {
        List<ProgressListener.Step> steps = new ArrayList<>();
        Map<Setting, String> settings = new EnumMap<>(
                Map.of(Setting.LOSS, loss.key(), Setting.ALPHA, "1", Setting.STEPS, "20", Setting.EVALUATE_EVERY, "0"));
        if (loss.needsDraws()) {
            settings.put(Setting.SELECTION, "draws");
        }
        if (loss == BuiltInLoss.TAID) {
            settings.put(Setting.TAID_START, "1"); // a target that moves would not let it fall
        }
        RunSummary summary = run(config("out", settings), false, listening(steps));
        assertThat(summary.method()).isEqualTo(loss.key());
        assertThat(steps.get(19).update().divergence())
                .isLessThan(steps.get(0).update().divergence());
        assertThat(steps.get(19).update().loss())
                .isEqualTo(steps.get(19).update().divergence(), within(1e-5));
    }

    @Test
    void train_alphaAndTemperaturesBySchedule_weighTheLossesOfEachStep() throws Exception {
        List<ProgressListener.Step> steps = new ArrayList<>();
        run(
                config(
                        "out",
                        Map.of(
                                Setting.ALPHA, "0.8",
                                Setting.FINAL_ALPHA, "0.2",
                                Setting.ALPHA_SCHEDULE, "linear_down",
                                Setting.MISSING_MASS, "renormalised",
                                Setting.TEACHER_TEMPERATURE, "4.5",
                                Setting.TEMPERATURE_SCHEDULE, "linear_down",
                                Setting.STUDENT_TEMPERATURE, "teacher",
                                Setting.STEPS, "7")),
                false,
                listening(steps));
        for (int step = 1; step <= 7; step++) {
            double alpha = 0.8 - 0.6 * step / 7;
            double wanted = 4.5 - 3.5 * step / 7;
            double temperature = 1 + 0.5 * Math.round((wanted - 1) / 0.5);
            ProgressListener.Step done = steps.get(step - 1);
            assertThat(done.update().loss())
                    .as("step " + step)
                    .isEqualTo(
                            (1 - alpha) * done.update().nll()
                                    + alpha
                                            * temperature
                                            * temperature
                                            * done.update().divergence(),
                            within(1e-3));
        }
    }

    @Test
    void metrics_everyStep_haveWhatIsScheduledAndNoDivergenceWhereAlphaIsZero() throws Exception {
        run(
                config(
                        "out",
                        Map.of(
                                Setting.LOSS, "taid",
                                Setting.ALPHA, "0.8",
                                Setting.ALPHA_SCHEDULE, "linear_down",
                                Setting.TEACHER_TEMPERATURE, "2",
                                Setting.STUDENT_TEMPERATURE, "teacher",
                                Setting.STEPS, "4")),
                false,
                ProgressListener.none());
        RunDirectory out = new RunDirectory(directory.resolve("out"));
        List<JsonNode> lines = Files.readAllLines(out.metrics()).stream()
                .map(JsonMapper.shared()::readTree)
                .filter(line -> line.has("loss"))
                .toList();
        assertThat(lines).hasSize(4);
        for (JsonNode line : lines) {
            double alpha = line.get("alpha").asDouble();
            assertThat(alpha).isEqualTo(0.8 * (1 - line.get("step").asLong() / 4.0), within(1e-12));
            assertThat(line.has("divergence")).as(line.toString()).isEqualTo(alpha > 0);
            assertThat(line.get("teacher_temperature").asDouble()).isEqualTo(2);
            assertThat(line.get("student_temperature").asDouble()).isEqualTo(2);
            assertThat(line.get("taid_lambda").asDouble()).isBetween(0.4, 1.0);
            assertThat(line.get("learning_rate").asDouble()).isBetween(0.0, 0.01);
        }
        assertThat(lines.get(3).get("alpha").asDouble()).isZero();
        try (Stream<Path> events = Files.list(out.events())) {
            assertThat(Files.readString(events.findFirst().orElseThrow(), StandardCharsets.ISO_8859_1))
                    .contains(
                            "train/alpha",
                            "train/teacher_temperature",
                            "train/student_temperature",
                            "train/taid_lambda");
        }
        assertThat(Files.readString(out.report().resolveSibling("report.json")))
                .contains("Learning rate", "Alpha", "Teacher temperature", "Student temperature", "Taid lambda")
                .contains("taid from the teacher")
                .doesNotContain("NaN");
    }

    @Test
    void train_taidStoppedAndResumed_endsAsIfNeverStopped() throws Exception {
        Map<Setting, String> settings = Map.of(
                Setting.LOSS,
                "taid",
                Setting.TAID_START,
                "0.3",
                Setting.ALPHA_SCHEDULE,
                "wsd",
                Setting.ALPHA_WARMUP_STEPS,
                "10%",
                Setting.ALPHA_DECAY_STEPS,
                "25%");
        run(config("whole", settings), false, ProgressListener.none());
        TrainingConfig parts = config("parts", settings);
        assertThatThrownBy(() -> run(parts, false, stopAfter(5))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> run(config("parts", Map.of(Setting.LOSS, "jsd")), true, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("loss: jsd missing_mass=tail_bucket parameter=0.5 temperature_squared=true"
                        + " (expected: taid missing_mass=tail_bucket temperature_squared=true)");
        run(parts, true, ProgressListener.none());
        assertThat(new RunDirectory(directory.resolve("parts")).checkpoints().resolve("step-000008/state.safetensors"))
                .hasSameBinaryContentAs(new RunDirectory(directory.resolve("whole"))
                        .checkpoints()
                        .resolve("step-000008/state.safetensors"));
    }

    private TrainingConfig config(String out, Map<Setting, String> others) throws Exception {
        Map<Setting, String> settings = new EnumMap<>(Setting.class);
        settings.put(Setting.TEACHER, "localhost:1");
        settings.put(Setting.ALPHA, "0.9");
        settings.putAll(others);
        return tiny.config(out, settings);
    }

    private RunSummary run(TrainingConfig config, boolean resume, ProgressListener listener) throws Exception {
        Trainer.OpenedResources resources = new Trainer.OpenedResources() {
            @Override
            public TargetSource openTeachers(TrainingConfig ignored) {
                return new BigramTeacher(tiny.vocabularySize, "a");
            }
        };
        return new TrainingSession(config, resources, listener).run(resume ? RunStart.RESUMED : RunStart.AFRESH);
    }

    private static ProgressListener listening(List<ProgressListener.Step> steps) {
        return new ProgressListener() {
            @Override
            public void onStep(Step step) {
                steps.add(step);
            }
        };
    }

    private static ProgressListener stopAfter(long step) {
        return new ProgressListener() {
            @Override
            public void onStep(Step done) {
                if (done.step() == step) {
                    throw new IllegalStateException("stopped");
                }
            }
        };
    }
}
