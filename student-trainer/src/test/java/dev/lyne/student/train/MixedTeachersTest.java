package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.client.TargetSequence;
import dev.lyne.client.TargetSource;
import dev.lyne.student.checkpoint.CheckpointMismatchException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A student that learns from several teachers, by data source or by weight. */
final class MixedTeachersTest {
    private static final String LAW = "name=law;address=localhost:1";
    private static final String CODE = "name=code;address=localhost:2;address=localhost:3";

    @TempDir
    Path directory;

    private TinyRun tiny;
    private final Map<String, BigramTeacher> teachers = new LinkedHashMap<>();

    @BeforeEach
    void prepare() throws IOException {
        tiny = new TinyRun(directory);
        teachers();
    }

    private BigramTeacher teacher(String name) {
        return Objects.requireNonNull(teachers.get(name), name);
    }

    private void teachers() {
        teachers.put("law", new BigramTeacher(tiny.vocabularySize, "a"));
        teachers.put("code", new BigramTeacher(tiny.vocabularySize, "b"));
    }

    private TrainingConfig config(String out, Map<Setting, String> others, String... mixed) throws IOException {
        Map<Setting, String> settings = new EnumMap<>(Setting.class);
        settings.put(Setting.ALPHA, "0.9");
        settings.put(Setting.TOP_K, "2");
        settings.put(Setting.EVALUATE_EVERY, "0");
        settings.putAll(others);
        return tiny.config(out, settings, Map.of(Setting.TEACHERS, List.of(mixed)));
    }

    private RunSummary run(TrainingConfig config, RunStart start, ProgressListener listener) throws Exception {
        Trainer.OpenedResources resources = new Trainer.OpenedResources() {
            @Override
            public TargetSource openTeachers(TrainingConfig ignored, TeacherMixture.Part part) {
                return teacher(part.name());
            }
        };
        return new TrainingSession(config, resources, listener).run(start);
    }

    private Set<String> asked(String teacher) {
        return teacher(teacher).sequences.stream()
                .map(TargetSequence::tokens)
                .map(Arrays::toString)
                .collect(Collectors.toSet());
    }

    /** The corpus in two files, and a directory of a third that is the first teacher's, too. */
    private Map<Setting, String> inParts() throws IOException {
        List<String> lines = Files.readAllLines(tiny.corpus);
        Path one = Files.write(directory.resolve("one.jsonl"), lines.subList(0, 9));
        Path two = Files.write(directory.resolve("two.jsonl"), lines.subList(9, 16));
        Path more = Files.createDirectory(directory.resolve("more"));
        Files.write(more.resolve("a.jsonl"), lines.subList(16, 20));
        Files.write(more.resolve("b.jsonl"), lines.subList(20, 24));
        return Map.of(Setting.CORPUS, one + "," + two + "," + more);
    }

    private String[] bySource() {
        return new String[] {
            LAW + ";source=" + directory.resolve("one.jsonl") + ";source=" + directory.resolve("more"),
            CODE + ";source=" + directory.resolve("two.jsonl")
        };
    }

    @Test
    void source_sendsEachWindowToTheTeacherOfItsFile() throws Exception {
        Map<Setting, String> corpus = inParts();
        run(config("out", corpus, bySource()), RunStart.AFRESH, ProgressListener.none());
        Set<String> lawAlone = windowsOf("one.jsonl", "more");
        Set<String> codeAlone = windowsOf("two.jsonl");
        assertThat(asked("law")).isNotEmpty().isSubsetOf(lawAlone);
        assertThat(asked("code")).isNotEmpty().isSubsetOf(codeAlone);
        assertThat(new HashSet<>(lawAlone)).doesNotContainAnyElementsOf(codeAlone);
    }

    /** Returns the windows that a teacher of these inputs alone is asked for over several epochs. */
    private Set<String> windowsOf(String... inputs) throws Exception {
        BigramTeacher all = new BigramTeacher(tiny.vocabularySize, "c");
        String corpus = Arrays.stream(inputs)
                .map(input -> directory.resolve(input).toString())
                .collect(Collectors.joining(","));
        TrainingConfig alone = tiny.config(
                "alone-" + inputs[0],
                Map.of(
                        Setting.ALPHA,
                        "0.9",
                        Setting.TOP_K,
                        "2",
                        Setting.STEPS,
                        "60",
                        Setting.CORPUS,
                        corpus,
                        Setting.TEACHER,
                        "localhost:1",
                        Setting.EVALUATE_EVERY,
                        "0",
                        Setting.CHECKPOINT_EVERY,
                        "0"));
        TeacherRuns.run(alone, all, false, ProgressListener.none());
        return all.sequences.stream()
                .map(TargetSequence::tokens)
                .map(Arrays::toString)
                .collect(Collectors.toSet());
    }

    @Test
    void weight_drawsTeachersByTheirShares() throws Exception {
        TrainingConfig config = config("out", Map.of(Setting.STEPS, "100"), LAW + ";weight=3", CODE + ";weight=1");
        RunSummary summary = run(config, RunStart.AFRESH, ProgressListener.none());
        double law = teacher("law").asked;
        assertThat(law + teacher("code").asked).isEqualTo(400);
        assertThat(law / 400).isBetween(0.68, 0.82); // 0.75, four standard deviations about
        assertThat(summary.teachers().keySet()).containsExactly("law", "code");
        assertThat(summary.teachers().values().stream().map(RunSummary.OfTeacher::coverage))
                .containsOnly(1.0);
        assertThat(summary.teachers().values().stream()
                        .mapToLong(RunSummary.OfTeacher::positions)
                        .sum())
                .isEqualTo(summary.pace().positions());
        assertThat(RunSummary.read(new RunDirectory(directory.resolve("out")).summary()))
                .isEqualTo(summary);
    }

    @Test
    void train_killedAndResumed_endsBitForBit() throws Exception {
        Map<Setting, String> corpus = inParts();
        for (String[] mixed : List.of(bySource(), new String[] {LAW + ";weight=1", CODE + ";weight=2"})) {
            String name = mixed[0].contains("weight") ? "weight" : "source";
            teachers();
            RunSummary whole = run(config(name + "-whole", corpus, mixed), RunStart.AFRESH, ProgressListener.none());
            teachers();
            TrainingConfig parts = config(name + "-parts", corpus, mixed);
            assertThatThrownBy(() -> run(parts, RunStart.AFRESH, TeacherRuns.stopAfter(5)))
                    .isInstanceOf(TeacherRuns.Stop.class);
            forgetNewest(new RunDirectory(directory.resolve(name + "-parts")));
            teachers();
            RunSummary resumed = run(parts, RunStart.RESUMED, ProgressListener.none());
            RunDirectory expected = new RunDirectory(directory.resolve(name + "-whole"));
            RunDirectory actual = new RunDirectory(directory.resolve(name + "-parts"));
            assertThat(actual.checkpoints().resolve("step-000008/state.safetensors"))
                    .hasSameBinaryContentAs(expected.checkpoints().resolve("step-000008/state.safetensors"));
            assertThat(resumed.teachers()).isEqualTo(whole.teachers());
            assertThat(figures(actual)).isEqualTo(figures(expected)).hasSize(8);
        }
    }

    /** Leaves what a run leaves that is killed: the checkpoint of a step before the last one. */
    private static void forgetNewest(RunDirectory run) throws IOException {
        Path newest = run.checkpoints().resolve("step-000005");
        try (Stream<Path> files = Files.list(newest)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(newest);
        assertThat(run.checkpoints().resolve("step-000004")).isDirectory();
    }

    /** Returns the figures of each step on each teacher's windows. */
    private static List<String> figures(RunDirectory run) throws IOException {
        List<String> figures = new ArrayList<>();
        for (String line : Files.readAllLines(run.metrics())) {
            JsonNode teachers = JsonMapper.shared().readTree(line).path("teachers");
            if (!teachers.isMissingNode()) {
                figures.add(teachers.toString());
            }
        }
        return figures;
    }

    @Test
    void metrics_haveEachTeachersLossAndCoverage() throws Exception {
        List<ProgressListener.Step> steps = new ArrayList<>();
        teacher("code").failing(0, 99).failing(1, 99).failing(2, 99);
        TrainingConfig config = config(
                "out", Map.of(Setting.STEPS, "40", Setting.MIN_COVERAGE, "0.1"), LAW + ";weight=1", CODE + ";weight=1");
        run(config, RunStart.AFRESH, TeacherRuns.listening(steps));
        ProgressListener.Step last = steps.get(steps.size() - 1);
        assertThat(last.coverageByTeacher().get("law")).isEqualTo(1.0);
        assertThat(last.coverageByTeacher().get("code")).isBetween(0.5, 0.999);
        for (ProgressListener.Step step : steps) {
            Map<String, ProgressListener.OfTeacher> by = step.update().byTeacher();
            assertThat(by.keySet()).containsExactly("law", "code");
            assertThat(by.values().stream()
                            .mapToLong(ProgressListener.OfTeacher::positions)
                            .sum())
                    .isEqualTo(step.pace().positions());
            double nll = by.values().stream()
                    .filter(each -> each.positions() > 0)
                    .mapToDouble(each -> each.nll() * each.positions())
                    .sum();
            assertThat(nll / step.pace().positions())
                    .isCloseTo(step.update().nll(), org.assertj.core.api.Assertions.within(1e-5));
        }
        assertThat(figures(new RunDirectory(directory.resolve("out"))).get(39))
                .contains("\"law\":{\"positions\":", "\"coverage\":1.0");
        assertThat(Files.readString(new RunDirectory(directory.resolve("out")).report()))
                .contains("Divergence by teacher");
    }

    @Test
    void resume_withAnotherShareOrAnotherModel_isRefused() throws Exception {
        assertThatThrownBy(() -> run(
                        config("out", Map.of(), LAW + ";weight=1", CODE + ";weight=1"),
                        RunStart.AFRESH,
                        TeacherRuns.stopAfter(3)))
                .isInstanceOf(TeacherRuns.Stop.class);
        TrainingConfig other = config("out", Map.of(), LAW + ";weight=2", CODE + ";weight=1");
        assertThatThrownBy(() -> run(other, RunStart.RESUMED, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("teachers.law: weight 2.0 (expected: weight 1.0)");
        teachers.put("code", new BigramTeacher(tiny.vocabularySize, "d"));
        TrainingConfig same = config("out", Map.of(), LAW + ";weight=1", CODE + ";weight=1");
        assertThatThrownBy(() -> run(same, RunStart.RESUMED, ProgressListener.none()))
                .isInstanceOf(CheckpointMismatchException.class)
                .hasMessageContaining("teacher.code.model_digest: " + "d".repeat(64));
    }

    @Test
    void teacher_ofAnotherVocabulary_isRefused() throws Exception {
        teachers.put("code", new BigramTeacher(tiny.vocabularySize + 1, "b"));
        TrainingConfig config = config("out", Map.of(), LAW + ";weight=1", CODE + ";weight=1");
        assertThatThrownBy(() -> run(config, RunStart.AFRESH, ProgressListener.none()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "teachers: code with a vocabulary of %d tokens (expected: %d, as the student's tokenizer has)"
                                .formatted(tiny.vocabularySize + 1, tiny.vocabularySize));
    }

    @Test
    void settings_thatCannotBe_areRefusedWithTheValueAndTheExpectation() throws Exception {
        Map<String, String[]> wrong = new HashMap<>();
        wrong.put("teachers: [law] (expected: two or more; one alone is --teacher)", new String[] {LAW + ";weight=1"});
        wrong.put(
                "teachers: [law, law] (expected: distinct names)", new String[] {LAW + ";weight=1", LAW + ";weight=1"});
        wrong.put(
                "teachers: law: neither source nor weight (expected: one of them)",
                new String[] {LAW, CODE + ";weight=1"});
        wrong.put(
                "teachers: law: weight: 0 (expected: above 0, at most 1000000.0)",
                new String[] {LAW + ";weight=0", CODE + ";weight=1"});
        wrong.put(
                "teachers: unknown key wieght (expected: weight?)",
                new String[] {LAW + ";wieght=1", CODE + ";weight=1"});
        wrong.put(
                "teachers: [law, code], 1 of them with a source (expected: all with a source, or all with a weight)",
                new String[] {LAW + ";source=" + tiny.corpus, CODE + ";weight=1"});
        wrong.put(
                "teachers: source=elsewhere (expected: an input of corpus: [" + tiny.corpus + "])",
                new String[] {LAW + ";source=" + tiny.corpus, CODE + ";source=elsewhere"});
        wrong.put(
                "teachers: " + tiny.corpus + " is a source 2 times (expected: each input of corpus once)",
                new String[] {LAW + ";source=" + tiny.corpus, CODE + ";source=" + tiny.corpus});
        for (Map.Entry<String, String[]> each : wrong.entrySet()) {
            assertThatThrownBy(() -> config("out", Map.of(), each.getValue()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(each.getKey());
        }
        assertThatThrownBy(() ->
                        config("out", Map.of(Setting.TEACHER, "localhost:9"), LAW + ";weight=1", CODE + ";weight=1"))
                .hasMessage("teacher: localhost:9 (expected: the default with several teachers: law, code)");
        assertThatThrownBy(
                        () -> config("out", Map.of(Setting.SELECTION, "chosen"), LAW + ";weight=1", CODE + ";weight=1"))
                .hasMessage("selection: chosen (expected: the default with several teachers: law, code)");
    }

    @Test
    void file_listsTeachersAsMappings() {
        Map<String, List<String>> values = SettingsFile.parse("run.yaml", """
                teachers:
                  - name: law
                    address: [a:1, b:1]
                    weight: 2
                  - {name: code, address: c:1, weight: 1}
                """, Setting.keys());
        assertThat(values.get("teachers"))
                .containsExactly("name=law;address=a:1;address=b:1;weight=2", "name=code;address=c:1;weight=1");
        assertThatThrownBy(() -> SettingsFile.parse("run.yaml", "corpus: [{a: b}]", Setting.keys()))
                .hasMessageContaining("corpus");
    }
}
