package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lyne.client.DecodeSettings;
import dev.lyne.client.TargetRequest;
import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetSource;
import dev.lyne.client.TargetStream;
import dev.lyne.client.TeacherDescription;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.row.TextConventions;
import dev.lyne.student.rollout.Prompt;
import dev.lyne.student.rollout.ResponseEvaluation;
import dev.lyne.student.rollout.RolloutFiles;
import dev.lyne.student.rollout.RolloutFiles.Rollout;
import dev.lyne.student.rollout.TeacherTexts;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs on text that the student writes, against a teacher that knows which two tokens follow each token. */
final class OwnTextTrainingTest {
    @TempDir
    Path directory;

    /** A teacher whose streams are each their own. */
    private static final class Streams implements TargetSource {
        final List<TargetRequest> requests = new ArrayList<>();
        final List<FakeTeacher> opened = new ArrayList<>();
        private final int vocabularySize;

        Streams(int vocabularySize) {
            this.vocabularySize = vocabularySize;
        }

        @Override
        public TeacherDescription describe() {
            return new FakeTeacher(vocabularySize, "a").describe();
        }

        @Override
        public TargetStream open(TargetRequest request) {
            FakeTeacher teacher = new FakeTeacher(vocabularySize, "a");
            requests.add(request);
            opened.add(teacher);
            return teacher.open(request);
        }

        @Override
        public void close() {}
    }

    private static Streams run(TinyRun tiny, TrainingConfig config, RunStart start, ProgressListener listener)
            throws Exception {
        Streams teacher = new Streams(tiny.vocabularySize);
        Trainer.OpenedResources resources = new Trainer.OpenedResources() {
            @Override
            public TargetSource openTeachers(TrainingConfig ignored) {
                return teacher;
            }
        };
        new TrainingSession(config, resources, listener).run(start);
        return teacher;
    }

    private static TrainingConfig config(TinyRun tiny, String out, Map<Setting, String> others) throws Exception {
        Map<Setting, String> all = new EnumMap<>(Setting.class);
        all.put(Setting.TEACHER, "localhost:1");
        all.put(Setting.ALPHA, "1");
        all.put(Setting.TOP_K, "2");
        all.put(Setting.ON_POLICY_SHARE, "1");
        all.put(Setting.RESPONSE_TOKENS, "12");
        all.put(Setting.PROMPT_TOKENS, "6");
        all.putAll(others);
        return tiny.config(out, all);
    }

    private static Map<Setting, String> miniLlm() {
        return Map.of(
                Setting.ALPHA, "0.5",
                Setting.LOSS, "soft_cross_entropy",
                Setting.OWN_TEXT_LOSS, "reverse_kl",
                Setting.POLICY, "returns",
                Setting.WHITENING, "padded",
                Setting.CORPUS_LOSS_WEIGHT, "1",
                Setting.ROLLOUTS, "8",
                Setting.PPO_EPOCHS, "2");
    }

    private Path weights(String out) {
        return directory.resolve(out).resolve("model/model.safetensors");
    }

    @Test
    void train_miniLlmStoppedWithinAPhase_resumesBitForBit() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        run(tiny, config(tiny, "whole", miniLlm()), RunStart.AFRESH, ProgressListener.none());

        TrainingConfig parts = config(tiny, "parts", miniLlm());
        assertThatThrownBy(() -> run(tiny, parts, RunStart.AFRESH, TeacherRuns.stopAfter(3)))
                .isInstanceOf(TeacherRuns.Stop.class);
        assertThatThrownBy(() -> run(tiny, parts, RunStart.RESUMED, TeacherRuns.stopAfter(5)))
                .isInstanceOf(TeacherRuns.Stop.class);
        run(tiny, parts, RunStart.RESUMED, ProgressListener.none());
        assertThat(weights("parts")).hasSameBinaryContentAs(weights("whole"));
        for (String phase : List.of("phase-0.jsonl", "phase-1.jsonl")) {
            assertThat(directory.resolve("parts/rollouts").resolve(phase))
                    .hasSameTextualContentAs(directory.resolve("whole/rollouts").resolve(phase));
        }
        assertThat(directory.resolve("whole/rollouts/phase-2.jsonl")).doesNotExist();
    }

    @Test
    void train_aPhaseAheadStoppedAndResumed_endsBitForBitAndIsAnotherRun() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Map<Setting, String> ahead = new EnumMap<>(miniLlm());
        ahead.put(Setting.MAX_STALENESS, "1");
        ahead.put(Setting.PPO_EPOCHS, "1");
        Streams teacher = run(tiny, config(tiny, "whole", ahead), RunStart.AFRESH, ProgressListener.none());
        assertThat(teacher.opened.get(1).sequences).as("four phases of eight").hasSize(32);

        TrainingConfig parts = config(tiny, "parts", ahead);
        for (long step : new long[] {2, 3, 5}) {
            RunStart start = step == 2 ? RunStart.AFRESH : RunStart.RESUMED;
            assertThatThrownBy(() -> run(tiny, parts, start, TeacherRuns.stopAfter(step)))
                    .isInstanceOf(TeacherRuns.Stop.class);
        }
        run(tiny, parts, RunStart.RESUMED, ProgressListener.none());
        assertThat(weights("parts")).hasSameBinaryContentAs(weights("whole"));

        ahead.put(Setting.MAX_STALENESS, "0");
        run(tiny, config(tiny, "strict", ahead), RunStart.AFRESH, ProgressListener.none());
        assertThat(Files.mismatch(weights("strict"), weights("whole"))).isNotNegative();
    }

    @Test
    void train_miniLlm_scoresWhatTheStudentWroteAndNothingElse() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        List<ProgressListener.Step> steps = new ArrayList<>();
        Streams teacher = run(tiny, config(tiny, "out", miniLlm()), RunStart.AFRESH, TeacherRuns.listening(steps));
        assertThat(teacher.requests.get(1).precision()).isEqualTo(Precision.EXACT);
        List<Rollout> rollouts =
                new RolloutFiles(directory.resolve("out/rollouts")).read(0).orElseThrow();
        assertThat(rollouts).hasSize(8);
        for (int i = 0; i < 8; i++) {
            TargetSequence asked = teacher.opened.get(1).sequences.get(i);
            Rollout rollout = rollouts.get(i);
            assertThat(asked.tokens()).isEqualTo(rollout.tokens());
            assertThat(asked.positions()).isEqualTo(rollout.positions());
            assertThat(rollout.prompt().tokens()).hasSizeBetween(1, 6);
            assertThat(rollout.response().ended() || rollout.response().tokens().length == 12)
                    .isTrue();
            assertThat(rollout.response().studentLogProbabilities())
                    .isEqualTo(rollout.response().studentProposalLogProbabilities());
            assertThat(Arrays.stream(rollout.response().studentLogProbabilities()))
                    .allMatch(value -> value < 0);
        }
        // 16 responses of two phases, each scored once, trained on twice.
        assertThat(teacher.opened.get(1).sequences).hasSize(16);
        assertThat(steps)
                .allSatisfy(step -> assertThat(step.update().ownText())
                        .containsOnlyKeys(
                                "policy",
                                "k1",
                                "k2",
                                "k3",
                                "clipped",
                                "response_tokens",
                                "at_limit",
                                "entropy",
                                "repeated",
                                "outside",
                                "writing_seconds",
                                "draw_wait_seconds",
                                "scoring_wait_seconds"));
        assertThat(Files.readString(directory.resolve("out/metrics.jsonl"))).contains("\"own_text_k1\":");
    }

    @Test
    void train_ownTokensAlone_asksForLabelsAlone() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        List<ProgressListener.Step> steps = new ArrayList<>();
        Streams teacher = run(
                tiny,
                config(
                        tiny,
                        "out",
                        Map.of(
                                Setting.POLICY, "k1_advantage",
                                Setting.SINGLE_STEP, "false",
                                Setting.RATIO_CLIP, "0")),
                RunStart.AFRESH,
                TeacherRuns.listening(steps));
        assertThat(teacher.requests.get(1).selection()).isEqualTo(new Selection.LabelOnly(List.of()));
        assertThat(teacher.opened.get(0).sequences).as("windows of the corpus").isEmpty();
        assertThat(steps).hasSize(8).allMatch(step -> Double.isNaN(step.update().divergence()));
    }

    @Test
    void train_reverseKlOfOwnRows_bringsTheStudentNearer() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        List<ProgressListener.Step> steps = new ArrayList<>();
        run(
                tiny,
                config(
                        tiny,
                        "out",
                        Map.of(
                                Setting.LOSS, "reverse_kl",
                                Setting.STEPS, "60",
                                Setting.BATCH, "16",
                                Setting.EVALUATE_EVERY, "0",
                                Setting.CHECKPOINT_EVERY, "0")),
                RunStart.AFRESH,
                TeacherRuns.listening(steps));
        assertThat(mean(steps.subList(55, 60)))
                .as("KL(s||t) of the buckets, nats")
                .isLessThan(mean(steps.subList(0, 5)) - 0.3);
    }

    private static double mean(List<ProgressListener.Step> steps) {
        return steps.stream()
                .mapToDouble(step -> step.update().divergence())
                .average()
                .orElseThrow();
    }

    @Test
    void train_teacherThatEndsOtherwise_isRefusedOnOwnTextAndNamedElsewhere() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        List<String> notices = new ArrayList<>();
        ProgressListener listener = new ProgressListener() {
            @Override
            public void onNotice(String line) {
                notices.add(line);
            }
        };
        FakeTeacher teacher = new FakeTeacher(tiny.vocabularySize, "a");
        teacher.conventions =
                Optional.of(new TextConventions(OptionalInt.of(3), OptionalInt.of(5), Set.of(5, 6), "ab".repeat(32)));
        Trainer.OpenedResources resources = new Trainer.OpenedResources() {
            @Override
            public TargetSource openTeachers(TrainingConfig ignored) {
                return teacher;
            }
        };
        TrainingConfig own = config(tiny, "own", Map.of());
        assertThatThrownBy(() -> new TrainingSession(own, resources, listener).run(RunStart.AFRESH))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "EOS: the student's texts end with 0 (expected: 5, as the teacher's); --eos says how they are to end");

        TrainingConfig data =
                tiny.config("data", Map.of(Setting.TEACHER, "localhost:1", Setting.ALPHA, "1", Setting.TOP_K, "2"));
        new TrainingSession(data, resources, listener).run(RunStart.AFRESH);
        assertThat(notices)
                .contains(
                        "EOS: the student's texts end with 0 (expected: 5, as the teacher's)",
                        "BOS: the student's texts begin with 0, the teacher's with 3",
                        "tokens that end a generation: [0] of the student, [5, 6] of the teacher",
                        "chat template: none of the student, abababababab… of the teacher");
    }

    @Test
    void train_askedForResponses_leavesTheirScoresInTheSummary() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        TrainingConfig config = tiny.config(
                "out",
                Map.of(
                        Setting.EVALUATE_RESPONSES, "3",
                        Setting.RESPONSE_TOKENS, "5",
                        Setting.PROMPT_TOKENS, "4",
                        Setting.STEPS, "3"));
        Trainer.train(config, RunStart.AFRESH, ProgressListener.none());
        RunSummary summary = RunSummary.read(directory.resolve("out/summary.json"));
        ResponseEvaluation responses = Objects.requireNonNull(summary.responses());
        assertThat(responses.prompts()).isEqualTo(3);
        assertThat(responses.meanLength()).isBetween(1.0, 5.0);
        assertThat(responses.rougeL()).isBetween(0.0, 1.0);
    }

    @Test
    void train_askedForResponsesBesideATeacher_tellsOfExposureBiasByLength() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        TrainingConfig config = tiny.config(
                "out",
                Map.of(
                        Setting.TEACHER, "localhost:1",
                        Setting.EVALUATE_RESPONSES, "3",
                        Setting.RESPONSE_TOKENS, "10",
                        Setting.PROMPT_TOKENS, "4",
                        Setting.STEPS, "3"));
        Streams teacher = new Streams(tiny.vocabularySize);
        List<Prompt> responded = new ArrayList<>();
        Trainer.OpenedResources resources = new Trainer.OpenedResources() {
            @Override
            public TargetSource openTeachers(TrainingConfig ignored) {
                return teacher;
            }

            @Override
            public TeacherTexts openTexts(TargetSource ignored, DecodeSettings settings) {
                return new TeacherTexts() {
                    @Override
                    public List<int[]> of(List<Prompt> prompts, int maxTokens) {
                        responded.addAll(prompts);
                        return prompts.stream()
                                .map(prompt -> IntStream.range(0, maxTokens)
                                        .map(i -> (prompt.tokens()[0] + i) % tiny.vocabularySize)
                                        .toArray())
                                .toList();
                    }

                    @Override
                    public void close() {}
                };
            }
        };
        new TrainingSession(config, resources, ProgressListener.none()).run(RunStart.AFRESH);
        ResponseEvaluation responses = Objects.requireNonNull(
                RunSummary.read(directory.resolve("out/summary.json")).responses());
        assertThat(responded).hasSize(3);
        List<TargetSequence> scored = teacher.opened.get(0).sequences;
        assertThat(scored).as("three texts of each").hasSize(6);
        for (int i = 0; i < 3; i++) {
            int prompt = responded.get(i).tokens().length;
            assertThat(Arrays.copyOf(scored.get(i).tokens(), prompt))
                    .isEqualTo(responded.get(i).tokens());
            assertThat(scored.get(3 + i).positions())
                    .isEqualTo(IntStream.range(prompt - 1, prompt + 9).toArray());
        }
        assertThat(responses.calibrationError()).isBetween(0.0, 1.0);
        assertThat(responses.exposureBias()).isNotEmpty().allSatisfy(at -> {
            assertThat(at.onTeachers()).as("KL of an untrained student, nats").isGreaterThan(at.length() * 0.5);
            assertThat(at.excessPercent()).isCloseTo(100 * (at.onOwn() / at.onTeachers() - 1), within(1e-9));
        });
        assertThat(Files.readString(directory.resolve("out/report.html"))).contains("exposure-bias");
    }

    @Test
    void train_stoppedWhileItResponds_endsAndResumesToRespondAgain() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        TrainingConfig config = tiny.config("out", Map.of(Setting.EVALUATE_RESPONSES, "3", Setting.STEPS, "3"));
        ProgressListener impatient = new ProgressListener() {
            private boolean responding;

            @Override
            public void onNotice(String line) {
                responding |= line.startsWith("responding to");
            }

            @Override
            public boolean isStopRequested() {
                return responding;
            }
        };
        assertThatThrownBy(() -> Trainer.train(config, RunStart.AFRESH, impatient))
                .isInstanceOf(TrainingStoppedException.class)
                .hasMessageContaining("while held-out prompts were responded to");
        Trainer.train(config, RunStart.RESUMED, ProgressListener.none());
        assertThat(RunSummary.read(directory.resolve("out/summary.json")).responses())
                .isNotNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TOP_K_TAIL", "STUDENT_IDS", "WHOLE"})
    void train_gkdOnEachKindOfRows_asksForThem(String rows) throws Exception {
        TinyRun tiny = new TinyRun(directory);
        List<ProgressListener.Step> steps = new ArrayList<>();
        Streams teacher = run(
                tiny,
                config(
                        tiny,
                        "out",
                        Map.of(
                                Setting.LOSS, "jsd",
                                Setting.ON_POLICY_SHARE, "0.5",
                                Setting.SINGLE_STEP_ROWS, rows.toLowerCase(java.util.Locale.ROOT))),
                RunStart.AFRESH,
                TeacherRuns.listening(steps));
        Selection expected = switch (rows) {
            case "TOP_K_TAIL" -> new Selection.TopK(2, List.of());
            case "STUDENT_IDS" -> new Selection.Chosen(2, List.of());
            default -> new Selection.TopK(tiny.vocabularySize, List.of());
        };
        assertThat(teacher.requests.get(1).selection()).isEqualTo(expected);
        long own = steps.stream()
                .filter(step -> !step.update().ownText().isEmpty())
                .count();
        assertThat(own).as("of 8 steps").isBetween(1L, 7L);
        assertThat(teacher.opened.get(1).sequences).hasSize((int) own * 4);
        assertThat(teacher.opened.get(0).sequences.size()).isGreaterThanOrEqualTo((int) (8 - own) * 4);
        assertThat(steps)
                .allMatch(step -> Double.isNaN(step.update().nll())
                        == !step.update().ownText().isEmpty());
    }
}
