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
import dev.lyne.lm.tokenizer.Tokenizer;
import dev.lyne.row.Precision;
import dev.lyne.row.Selection;
import dev.lyne.row.TextConventions;
import dev.lyne.student.checkpoint.CheckpointMismatchException;
import dev.lyne.student.rollout.Prompt;
import dev.lyne.student.rollout.ResponseEvaluation;
import dev.lyne.student.rollout.RolloutFiles;
import dev.lyne.student.rollout.RolloutFiles.Rollout;
import dev.lyne.student.rollout.TeacherDraws;
import dev.lyne.student.rollout.TeacherTexts;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
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
import java.util.stream.Stream;
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
        final List<BigramTeacher> opened = new ArrayList<>();
        private final int vocabularySize;

        Streams(int vocabularySize) {
            this.vocabularySize = vocabularySize;
        }

        @Override
        public TeacherDescription describe() {
            return new BigramTeacher(vocabularySize, "a").describe();
        }

        @Override
        public TargetStream open(TargetRequest request) {
            BigramTeacher teacher = new BigramTeacher(vocabularySize, "a");
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
            assertThat(asked.tokens()).isEqualTo(rollout.window().tokens());
            assertThat(asked.positions()).isEqualTo(rollout.window().positions());
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
                                "alarms",
                                "row_bytes",
                                "writing_seconds",
                                "draw_wait_seconds",
                                "scoring_wait_seconds"));
        assertThat(Files.readString(directory.resolve("out/metrics.jsonl")))
                .contains("\"own_text_k1\":")
                .contains("\"alarm\":\"the student draws what the teacher's rows do not name: share ");
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
        BigramTeacher teacher = new BigramTeacher(tiny.vocabularySize, "a");
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

    @Test
    void train_adaptiveShareWithReplayKilledAndResumed_endsBitForBit() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        // The teacher's text is not the corpus's: as the student learns it, its held-out loss goes up.
        Map<Setting, String> settings = new EnumMap<>(Setting.class);
        settings.put(Setting.LOSS, "forward_kl");
        settings.put(Setting.LEARNING_RATE, "0.05");
        settings.put(Setting.ON_POLICY_SHARE, "0.4");
        settings.put(Setting.ON_POLICY_SCHEDULE, "adaptive");
        settings.put(Setting.ON_POLICY_RISE, "0.3");
        settings.put(Setting.ON_POLICY_TOLERANCE, "0");
        settings.put(Setting.REPLAY_CAPACITY, "6");
        settings.put(Setting.STEPS, "24");
        List<ProgressListener.Step> steps = new ArrayList<>();
        Streams teacher = run(tiny, config(tiny, "whole", settings), RunStart.AFRESH, TeacherRuns.listening(steps));
        assertThat(steps)
                .allSatisfy(step -> assertThat(step.update().scheduled()).containsKey("on_policy_share"));
        List<Double> shares = steps.stream()
                .map(step -> Objects.requireNonNull(step.update().scheduled().get("on_policy_share")))
                .distinct()
                .toList();
        assertThat(shares).startsWith(.4, .7).isSorted();
        List<Double> replayed = steps.stream()
                .map(step -> step.update().ownText().get("replayed"))
                .filter(Objects::nonNull)
                .toList();
        assertThat(replayed).contains(0.0, 1.0);
        List<TargetSequence> asked = teacher.opened.get(1).sequences;
        assertThat(asked).hasSize(replayed.size() * 4);
        assertThat(asked.stream()
                        .map(sequence -> Arrays.toString(sequence.tokens()))
                        .distinct())
                .as("responses that were trained on again are among those that were written")
                .hasSizeLessThanOrEqualTo(
                        (int) replayed.stream().filter(value -> value == 0).count() * 4);

        TrainingConfig parts = config(tiny, "parts", settings);
        for (long step : new long[] {3, 9, 14, 19}) {
            RunStart start = step == 3 ? RunStart.AFRESH : RunStart.RESUMED;
            assertThatThrownBy(() -> run(tiny, parts, start, TeacherRuns.stopAfter(step)))
                    .isInstanceOf(TeacherRuns.Stop.class);
            if (step % 2 == 1 && step > 3) { // as after a kill: the checkpoint of the end was never written
                Path newest = directory.resolve("parts/checkpoints/step-%06d".formatted(step));
                try (Stream<Path> files = Files.list(newest)) {
                    for (Path file : files.toList()) {
                        Files.delete(file);
                    }
                }
                Files.delete(newest);
            }
        }
        Map<Setting, String> otherwise = new EnumMap<>(settings);
        otherwise.put(Setting.EVALUATE_EVERY, "2");
        otherwise.put(Setting.HELD_OUT_WINDOWS, "1");
        otherwise.put(Setting.HELD_OUT_PART, "test");
        TrainingConfig other = config(tiny, "parts", otherwise);
        assertThatThrownBy(() -> run(tiny, other, RunStart.RESUMED, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("evaluate_every: 2 (expected: 3)")
                .hasMessageContaining("held_out_windows: 1 (expected: 0)")
                .hasMessageContaining("held_out_part: test (expected: all)");
        String heldOut = Files.readString(tiny.heldOut);
        Files.writeString(tiny.heldOut, heldOut + heldOut);
        assertThatThrownBy(() -> run(tiny, parts, RunStart.RESUMED, ProgressListener.none()))
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("held_out.corpus: ");
        Files.writeString(tiny.heldOut, heldOut);
        run(tiny, parts, RunStart.RESUMED, ProgressListener.none());
        assertThat(weights("parts")).hasSameBinaryContentAs(weights("whole"));
    }

    /** Records of which the teacher sees another prompt. */
    private static void writePrivileged(TinyRun tiny) throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 24; i++) {
            lines.append("{\"prompt\":\"the still boils\",\"teacher_prompt\":\"its vapour rises through a lyne arm")
                    .append(i % 2 == 0 ? " slowly" : "")
                    .append("\",\"response\":\"and the vapour rises through its arm slowly\"}\n");
        }
        Files.writeString(tiny.corpus, lines);
    }

    private static int[] encoded(TinyRun tiny, String text) throws Exception {
        try (Tokenizer tokenizer = Tokenizer.load(tiny.tokenizer)) {
            int bos = tokenizer.wrapping().bosId().isPresent() ? 1 : 0;
            int[] ids = tokenizer.encode(text);
            int[] all = new int[bos + ids.length];
            tokenizer.wrapping().bosId().ifPresent(id -> all[0] = id);
            System.arraycopy(ids, 0, all, bos, ids.length);
            return all;
        }
    }

    private static void assertSeenBehind(List<int[]> prompts, TargetSequence asked) {
        int[] seen = asked.teacherTokens();
        assertThat(prompts).anyMatch(prompt -> Arrays.equals(prompt, Arrays.copyOf(seen, prompt.length)));
        int first = asked.positions()[0];
        assertThat(Arrays.copyOfRange(seen, first + 1 + asked.shift(), seen.length))
                .isEqualTo(Arrays.copyOfRange(asked.tokens(), first + 1, asked.tokens().length));
    }

    /** A teacher that draws one token for ever, and knows what it draws behind. */
    private static final class Drawing implements TeacherDraws {
        private final List<int[]> begun = new ArrayList<>();
        private final ArrayDeque<Answer> answers = new ArrayDeque<>();

        @Override
        public void begin(long key, int[] prompt) {
            begun.add(prompt);
        }

        @Override
        public void tell(long key, int[] taken, boolean draw) {
            assertThat(draw).isTrue();
            answers.add(new Answer(key, new double[taken.length + 1], Optional.of(7), false));
        }

        @Override
        public void end(long key, int[] taken) {
            answers.add(new Answer(key, new double[0], Optional.empty(), true));
        }

        @Override
        public Optional<Answer> poll() {
            return Optional.ofNullable(answers.poll());
        }

        @Override
        public Answer take() {
            return answers.remove();
        }

        @Override
        public void close() {}
    }

    @Test
    void train_teacherPrompts_areWhatTheTeacherDrawsAndJudgesBehind() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        writePrivileged(tiny);
        List<int[]> prompts = List.of(
                encoded(tiny, "its vapour rises through a lyne arm slowly"),
                encoded(tiny, "its vapour rises through a lyne arm"));
        Streams teacher = new Streams(tiny.vocabularySize);
        Drawing drawing = new Drawing();
        Trainer.OpenedResources resources = new Trainer.OpenedResources() {
            @Override
            public TargetSource openTeachers(TrainingConfig ignored) {
                return teacher;
            }

            @Override
            public TeacherDraws openDraws(TargetSource ignored, DecodeSettings settings) {
                return drawing;
            }
        };
        Map<Setting, String> settings = new EnumMap<>(miniLlm());
        settings.put(Setting.TEACHER_MIXING, "0.3");
        new TrainingSession(config(tiny, "whole", settings), resources, ProgressListener.none()).run(RunStart.AFRESH);
        assertThat(drawing.begun)
                .isNotEmpty()
                .allSatisfy(prompt -> assertThat(prompts).anyMatch(known -> Arrays.equals(known, prompt)));
        assertThat(teacher.opened.get(0).sequences).as("windows of the corpus").isNotEmpty();
        assertThat(teacher.opened.get(1).sequences).as("responses").isNotEmpty();
        teacher.opened.forEach(stream -> stream.sequences.forEach(asked -> assertSeenBehind(prompts, asked)));

        TrainingConfig parts = config(tiny, "parts", settings);
        assertThatThrownBy(() -> new TrainingSession(parts, resources, TeacherRuns.stopAfter(3)).run(RunStart.AFRESH))
                .isInstanceOf(TeacherRuns.Stop.class);
        new TrainingSession(parts, resources, ProgressListener.none()).run(RunStart.RESUMED);
        assertThat(weights("parts")).hasSameBinaryContentAs(weights("whole"));
    }

    @Test
    void train_teacherPromptThatLeavesNoRoom_isRefused() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Files.writeString(
                tiny.corpus,
                "{\"prompt\":\"the still\",\"teacher_prompt\":\"" + "slowly boils ".repeat(30)
                        + "\",\"response\":\"and rises\"}\n");
        for (String share : List.of("0", "1")) {
            Map<Setting, String> settings = new EnumMap<>(Setting.class);
            settings.put(Setting.TEACHER, "localhost:1");
            settings.put(Setting.ALPHA, "1");
            settings.put(Setting.TOP_K, "2");
            settings.put(Setting.ON_POLICY_SHARE, share);
            TrainingConfig config = tiny.config("share" + share, settings);
            assertThatThrownBy(() -> run(tiny, config, RunStart.AFRESH, ProgressListener.none()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("teacher_prompt: ")
                    .hasMessageEndingWith(
                            " tokens with its response (expected: at most the teacher's context_length=64)");
        }
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
