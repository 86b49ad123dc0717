package dev.lyne.student.train;

import static dev.lyne.student.train.TeacherRuns.listening;
import static dev.lyne.student.train.TeacherRuns.stopAfter;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.example.losses.FadingSkew;
import dev.lyne.student.checkpoint.CheckpointStore;
import dev.lyne.student.loss.DistillationLoss;
import dev.lyne.student.loss.Loss;
import dev.lyne.student.loss.LossState;
import dev.lyne.student.loss.OwnText;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A loss of one's own that learns, {@link FadingSkew}, named in the settings: a class and a script, and nothing else. */
final class OwnLossTest {
    @TempDir
    Path directory;

    private TinyRun tiny;

    @BeforeEach
    void makeCorpus() throws Exception {
        tiny = new TinyRun(directory);
    }

    @Test
    void train_ownLoss_learnsAndShowsWhatItsStateHasComeTo() throws Exception {
        List<ProgressListener.Step> steps = new ArrayList<>();
        Map<Setting, String> settings = Map.of(Setting.STEPS, "20", Setting.EVALUATE_EVERY, "0");
        RunSummary summary = run(config("out", settings), false, listening(steps));
        assertThat(summary.method()).isEqualTo("com.example.losses.FadingSkew");
        assertThat(steps.get(19).update().divergence())
                .isLessThan(steps.get(0).update().divergence());
        assertThat(steps.get(0).update().scheduled()).containsEntry("fading_skew", 0.6);
        assertThat(steps.get(19).update().scheduled().get("fading_skew")).isBetween(0.0, 0.59);
        RunDirectory out = new RunDirectory(directory.resolve("out"));
        assertThat(Files.readString(out.metrics())).contains("\"fading_skew\":0.6,");
        try (Stream<Path> events = Files.list(out.events())) {
            assertThat(Files.readString(events.findFirst().orElseThrow(), StandardCharsets.ISO_8859_1))
                    .contains("train/fading_skew");
        }
        assertThat(Files.readString(out.report())).contains("Fading skew");
    }

    /** With a state that has learnt nothing yet, it is the built-in loss of the same formula. */
    @Test
    void train_firstStep_hasTheDivergenceOfTheBuiltInFormula() throws Exception {
        List<ProgressListener.Step> own = new ArrayList<>();
        List<ProgressListener.Step> builtIn = new ArrayList<>();
        run(config("own", Map.of(Setting.STEPS, "3")), false, listening(own));
        Map<Setting, String> same = Map.of(Setting.STEPS, "3", Setting.LOSS, "skew_forward_kl");
        run(config("same", same), false, listening(builtIn));
        assertThat(own.get(0).update().divergence())
                .isEqualTo(builtIn.get(0).update().divergence(), within(1e-6));
        assertThat(own.get(0).update().gradientNorm())
                .isEqualTo(builtIn.get(0).update().gradientNorm(), within(1e-5));
    }

    @Test
    void train_ownLossStoppedAndResumed_endsAsIfNeverStopped() throws Exception {
        run(config("whole", Map.of()), false, ProgressListener.none());
        TrainingConfig parts = config("parts", Map.of());
        assertThatThrownBy(() -> run(parts, false, stopAfter(5))).isInstanceOf(TeacherRuns.Stop.class);
        RunDirectory cut = new RunDirectory(directory.resolve("parts"));
        assertThat(new CheckpointStore(cut.checkpoints(), 2)
                        .latest()
                        .orElseThrow()
                        .run()
                        .progress())
                .containsOnlyKeys("first", "mean");
        assertThatThrownBy(() ->
                        run(config("parts", Map.of(Setting.LOSS_PARAMETER, "0.5")), true, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("parameter=0.5")
                .hasMessageContaining("parameter=0.6");
        run(parts, true, ProgressListener.none());
        RunDirectory whole = new RunDirectory(directory.resolve("whole"));
        String last = "step-000008/state.safetensors";
        assertThat(cut.checkpoints().resolve(last))
                .hasSameBinaryContentAs(whole.checkpoints().resolve(last));
    }

    @Test
    void identity_ownLoss_holdsTheDigestOfItsScript() {
        assertThat(LossSettings.identity(DistillationLoss.of(new FadingSkew())).get("loss.script"))
                .matches("[0-9a-f]{64}");
        assertThat(LossSettings.identity(DistillationLoss.of(Loss.of("taid"))))
                .containsOnly(
                        Map.entry("loss", "taid missing_mass=tail_bucket temperature_squared=true"),
                        Map.entry("taid_start", "0.4"));
    }

    @Test
    void identity_ownTextLossOfOnesOwn_holdsTheDigestOfItsScript_once() {
        DistillationLoss onData = DistillationLoss.of(Loss.of("forward_kl"));
        assertThat(LossSettings.identity(onData.with(ownText(new Scripted("one"))))
                        .get("own_text_loss.script"))
                .matches("[0-9a-f]{64}")
                .isNotEqualTo(LossSettings.identity(onData.with(ownText(new Scripted("another"))))
                        .get("own_text_loss.script"));
        DistillationLoss both = DistillationLoss.of(new FadingSkew());
        assertThat(LossSettings.identity(both.with(ownText(new FadingSkew()))))
                .as("as before: the script of data's loss is the only one")
                .containsOnlyKeys("loss", "loss.script", "taid_start");
    }

    private static OwnText ownText(Loss loss) {
        return new OwnText(loss, OptionalDouble.empty(), new OwnText.None());
    }

    private record Scripted(String text) implements Loss {
        @Override
        public Shape shape() {
            return Shape.CURVED;
        }

        @Override
        public String script(double parameter) {
            return text;
        }
    }

    @Test
    void of_stateThatIsNotFiniteOrNamedLikeAColumnOrNotTakenUp_isRefusedByName() {
        assertThatThrownBy(() -> progress(Map.of("alpha", 1.0), Map.of()))
                .hasMessageEndingWith("value alpha (expected: a name that no metric and no column has)");
        assertThatThrownBy(() -> progress(Map.of("teacher_ids", 1.0), Map.of()))
                .hasMessageEndingWith("value teacher_ids (expected: a name that no metric and no column has)");
        assertThatThrownBy(() -> progress(Map.of("own", Double.NaN), Map.of()).values())
                .hasMessageEndingWith("value own: NaN (expected: finite)");
        assertThatThrownBy(() -> progress(Map.of(), Map.of("mean", 2.0)))
                .hasMessageEndingWith("restored as {} (expected: {mean=2.0}, as its checkpoint has it)");
    }

    /** Checkpoints of every loss once held what TAID learns. */
    @Test
    void of_checkpointOfBefore_isTakenUpWithoutWhatItsLossDoesNotLearn() {
        Map<String, Double> saved = Map.of("taid.lambda", 0.5, "taid.momentum", 0.0, "taid.divergence", 2.0);
        assertThat(LossProgress.of(DistillationLoss.of(Loss.of("forward_kl")), 9, saved)
                        .saved())
                .isEmpty();
        assertThat(LossProgress.of(DistillationLoss.of(Loss.of("taid")), 9, saved)
                        .saved())
                .isEqualTo(saved);
    }

    private static LossProgress progress(Map<String, Double> values, Map<String, Double> saved) {
        LossState state = new LossState() {
            @Override
            public Map<String, Double> values() {
                return values;
            }

            @Override
            public void stepped(Step step) {}

            @Override
            public Map<String, Double> saved() {
                return Map.of();
            }

            @Override
            public void restore(Map<String, Double> ignored) {}
        };
        Loss loss = new Loss() {
            @Override
            public Shape shape() {
                return Shape.CURVED;
            }

            @Override
            public LossState begin(double parameter, long steps) {
                return state;
            }
        };
        return LossProgress.of(DistillationLoss.of(loss), 9, saved);
    }

    private TrainingConfig config(String out, Map<Setting, String> others) throws Exception {
        Map<Setting, String> settings = new EnumMap<>(Setting.class);
        settings.put(Setting.TEACHER, "localhost:1");
        settings.put(Setting.ALPHA, "1");
        settings.put(Setting.LOSS, FadingSkew.class.getName());
        settings.put(Setting.LOSS_PARAMETER, "0.6");
        settings.putAll(others);
        return tiny.config(out, settings);
    }

    private RunSummary run(TrainingConfig config, boolean resume, ProgressListener listener) throws Exception {
        return TeacherRuns.run(config, new BigramTeacher(tiny.vocabularySize, "a"), resume, listener);
    }
}
