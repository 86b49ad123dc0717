package dev.lyne.load.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.student.evaluate.Evaluation;
import dev.lyne.student.rollout.ResponseEvaluation;
import dev.lyne.student.train.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class StudyTest {
    private static final Path SHIPPED = Path.of("..", "studies");
    private static final String SMALL = """
            name: small
            title: A small study
            seeds: [0, 1]
            held_out_windows: 3
            settings:
              student: s.json
              tokenizer: t
              corpus: [a.txt, b.txt]
              held_out: h.txt
              targets: rows
              alpha: 0.5
            captures:
              rows: {selection: top_k, top_k: 8, temperatures: [2, 5]}
            axes:
              - name: k
                title: K
                baseline: "8"
                points:
                  - {label: "4", settings: {top_k: 4}}
                  - {label: "8", settings: {top_k: 8}}
              - name: alpha
                title: Alpha
                baseline: data only
                points:
                  - {label: half, settings: {top_k: 8}}
                  - {label: data only, settings: {targets: none, alpha: 0}}
            """;

    @TempDir
    Path directory;

    private Study read(String text) throws IOException {
        return Study.read(Files.writeString(directory.resolve("study.yaml"), text));
    }

    @Test
    void read_pointsOfSeveralAxes_shareStudents() throws IOException {
        Study study = read(SMALL);
        assertThat(study.runs()).hasSize(3 * 2);
        assertThat(study.axes().get(0).points().get(1).runs())
                .isEqualTo(study.axes().get(1).points().get(0).runs());
        StudyRun first = study.run(study.axes().get(0).points().get(0).runs().get(1));
        assertThat(first.settings())
                .containsEntry(Setting.TOP_K, List.of("4"))
                .containsEntry(Setting.SEED, List.of("1"))
                .containsEntry(
                        Setting.CORPUS,
                        List.of(
                                directory.resolve("a.txt").toAbsolutePath().toString(),
                                directory.resolve("b.txt").toAbsolutePath().toString()));
        Study.Preparation rows = Objects.requireNonNull(study.captures().get("rows"));
        assertThat(rows.options()).containsEntry("temperatures", List.of("2", "5"));
        assertThat(rows.settings()).containsKey(Setting.TOKENIZER);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "top_k: 4}}|loss: reverse_kl, selection: draws}}|axis k, point 4: loss: reverse_kl on draws, where it is biased",
                "top_k: 4}}|topk: 4}}|axis k, point 4: unknown key topk (expected: top_k?)",
                "top_k: 4}}|top_k: 0}}|axis k, point 4: top_k: 0 (expected: 1..",
                "top_k: 4}}|targets: other}}|axis k, point 4: targets: other (expected: none, server, or one of [rows])",
                "top_k: 4}}|seed: 4}}|axis k, point 4: seed (expected: absent, as the study gives it itself)",
                "baseline: \"8\"|baseline: \"9\"|axis k: baseline: 9 (expected: a series, or one of [",
                "seeds: [0, 1]|seeds: []|seeds: none (expected: at least 1)",
                "title: A small|titel: A small|unknown key titel",
                "top_k: 8}}|top_k: 16}}|axis k, point 8: targets: rows: asked for top_k top_k=16 (expected: one that the"
                        + " captured top_k top_k=8 temperatures=[2.0, 5.0] contains)",
                "top_k: 4}}|top_k: 4, teacher_temperature: 3}}|axis k, point 4: targets: rows: asked for top_k top_k=4"
                        + " temperatures=[3.0] (expected: one that the captured top_k top_k=8",
                "top_k: 4}}|top_k: 4, context: 99}}|axis k, point 4: targets: rows: context: 99 (expected: ",
                "top_k: 4}}|top_k: 4, eos: none}}|axis k, point 4: targets: rows: eos: none (expected: auto, as captured)",
                "top_k: 4}}|top_k: 4, row_precision: exact}}|axis k, point 4: targets: rows: asked for top_k top_k=4 in exact"
                        + " (expected: top_k top_k=8 temperatures=[2.0, 5.0] in compact, as it was captured)",
                "top_k: 4}}|top_k: 4, loss: mse_logits}}|axis k, point 4: targets: rows: loss: mse_logits (expected: one that"
                        + " takes no logits",
                "temperatures: [2, 5]|windows: 2|axis k, point 4: targets: rows: windows: all (expected: at most 2, as are"
                        + " captured)",
            })
    void read_whatCannotBe_isRefusedBeforeAnythingStarts(String from, String to, String message) {
        assertThatThrownBy(() -> read(SMALL.replace(from, to)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    private static List<String> distilled(Study study) {
        return study.axes().get(0).points().stream()
                .flatMap(point -> point.runs().stream())
                .toList();
    }

    /** A result that stands is a student's whose figures would be the same. */
    @Test
    void read_otherTeacherTargetsOrHeldOutWindows_makesOtherStudents() throws IOException {
        List<String> before = distilled(read(SMALL));
        assertThat(distilled(read(SMALL.replace("A small study", "The same")))).isEqualTo(before);
        for (String changed : List.of(
                SMALL.replace("held_out_windows: 3", "held_out_windows: 4"),
                SMALL.replace("held_out_windows: 3", "held_out_windows: 3\nteacher: other"),
                SMALL.replace("top_k: 8, temperatures", "top_k: 16, temperatures"))) {
            assertThat(distilled(read(changed))).as(changed).doesNotContainAnyElementsOf(before);
        }
    }

    /** A path says where a file is, not what is in it. */
    @Test
    void read_fileChangedUnderItsPath_makesOtherStudents() throws IOException {
        Path model = Files.createDirectory(directory.resolve("t"));
        Path texts = Files.createDirectories(directory.resolve("b.txt"));
        Path teacher = Files.createDirectory(directory.resolve("teacher"));
        String study =
                SMALL.replace("held_out_windows: 3", "held_out_windows: 3\nteacher: " + teacher.toAbsolutePath());
        List<Path> files = List.of(
                directory.resolve("s.json"),
                model.resolve("tokenizer.json"),
                directory.resolve("a.txt"),
                texts.resolve("part.txt"),
                directory.resolve("h.txt"),
                teacher.resolve("model.safetensors"));
        for (Path file : files) {
            Files.writeString(file, "one");
        }
        for (Path file : files) {
            Study before = read(study);
            Files.writeString(file, "two");
            Study after = read(study);
            assertThat(distilled(after)).as(file.toString()).doesNotContainAnyElementsOf(distilled(before));
            boolean decidesTargets = !file.endsWith("s.json") && !file.endsWith("h.txt");
            assertThat(rows(after).equals(rows(before))).as(file.toString()).isEqualTo(!decidesTargets);
            assertThat(distilled(read(study))).isEqualTo(distilled(after));
        }
        List<String> last = distilled(read(study));
        Files.writeString(model.resolve("model.safetensors"), "weights beside a tokenizer");
        Files.writeString(texts.resolve(".hidden"), "no text of the corpus");
        assertThat(distilled(read(study))).isEqualTo(last);
    }

    private static String rows(Study study) {
        return Objects.requireNonNull(study.captures().get("rows")).directory("rows");
    }

    @Test
    void read_captureOfTheStudysTeacher_isAnotherWhereThatIs() throws IOException {
        String other = SMALL.replace("held_out_windows: 3", "held_out_windows: 3\nteacher: other");
        assertThat(Objects.requireNonNull(read(other).captures().get("rows")).directory("rows"))
                .isNotEqualTo(Objects.requireNonNull(read(SMALL).captures().get("rows"))
                        .directory("rows"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"pretraining-distillation", "slim", "random-sampling", "online", "minillm"})
    void read_shippedStudy_isPossibleWithSmallStudentsAndThreeSeeds(String name) throws IOException {
        Study study = Study.read(SHIPPED.resolve(name + ".yaml"));
        assertThat(study.seeds()).hasSizeGreaterThanOrEqualTo(3);
        assertThat(new HashSet<>(study.runs())).hasSameSizeAs(study.runs());
        for (StudyRun run : study.runs()) {
            Path student = Path.of(
                    run.settings().getOrDefault(Setting.STUDENT, List.of()).get(0));
            ModelConfiguration shape = Files.isDirectory(student)
                    ? ModelConfiguration.read(student)
                    : ModelConfiguration.readFile(student);
            assertThat(shape.parameters()).isLessThanOrEqualTo(600_000);
        }
    }

    @Test
    void write_someResults_saysWhatIsKnownAndWhatIsMissing() throws IOException {
        Study study = read(SMALL);
        Map<String, StudyResult> results = new HashMap<>();
        double nll = 3;
        for (String id : study.axes().get(0).points().get(1).runs()) {
            results.put(id, result(id, nll += 0.1));
        }
        StudyPage.write(study, results, directory);
        assertThat(Files.readString(directory.resolve("table.md")))
                .contains("2 of 6 students")
                .contains("| 8 | 3.1500 | 0.0707 |")
                .contains("1 of 2 points are not done.");
        for (String id : study.axes().get(0).points().get(0).runs()) {
            results.put(id, result(id, nll += 0.1));
        }
        StudyPage.write(study, results, directory);
        assertThat(Files.readString(directory.resolve("table.md")))
                .contains("| 4 | 3.3500 | 0.0707 | +0.2000 | +0.2000 to +0.2000 | -6.35 % | < 0.0001 | higher |");
        String data = Files.readString(directory.resolve("report.json"));
        assertThat(Files.readString(directory.resolve("report.html")))
                .contains(data)
                .hasSizeLessThan(1_000_000);
        assertThat(data)
                .contains("\"id\":\"k-nll\"", "[0.0,3.35]", "\"label\":\"8\",\"spread\":0.0707", "baseline: 8")
                .contains("cannot be told from the baseline")
                .doesNotContain("NaN");
    }

    private static final String CHOOSING = """
            name: choosing
            title: A study of responses
            seeds: [0, 1]
            held_out_windows: 3
            settings: {student: s.json, tokenizer: t, corpus: a.txt, held_out: h.txt, evaluate_responses: 4, held_out_part: test}
            generations:
              texts: {prompts: 20, response_tokens: 8}
            axes:
              - name: arm
                title: Arms
                baseline: data
                metrics: [rouge_l, response_tokens]
                choice: {setting: learning_rate, values: ["1e-4", "1e-3"], seed: 9, metric: rouge_l, settings: {held_out_part: validation}}
                points:
                  - {label: data}
                  - {label: texts, settings: {corpus: texts}}
                  - {label: own, choose: ["1e-5", "1e-4", "1e-3"], settings: {targets: server, alpha: 1, on_policy_share: 1}}
            """;

    @Test
    void read_choice_addsItsStudentsOfAnotherSeedAndPart() throws IOException {
        Study study = read(CHOOSING);
        assertThat(study.runs()).hasSize(3 * 2 + 2 + 2 + 3);
        StudyRun own = study.run(study.axes().get(0).points().get(2).runs().get(1));
        assertThat(own.asksServer()).isTrue();
        assertThat(own.settings())
                .doesNotContainKey(Setting.LEARNING_RATE)
                .containsEntry(Setting.HELD_OUT_PART, List.of("test"));
        Map<String, String> candidates = own.choice().orElseThrow().candidates();
        assertThat(candidates.keySet()).containsExactly("1e-5", "1e-4", "1e-3");
        candidates.forEach((value, id) -> assertThat(study.run(id).settings())
                .containsEntry(Setting.LEARNING_RATE, List.of(value))
                .containsEntry(Setting.SEED, List.of("9"))
                .containsEntry(Setting.HELD_OUT_PART, List.of("validation")));
        StudyRun texts = study.run(study.axes().get(0).points().get(1).runs().get(0));
        assertThat(texts.settings().getOrDefault(Setting.CORPUS, List.of()))
                .singleElement()
                .asString()
                .matches("generated/texts-[0-9a-f]{8}/responses.jsonl");
    }

    @Test
    void settings_ofAChosenStudent_areTheBestCandidates() throws IOException {
        Study study = read(CHOOSING);
        StudyDirectory place = new StudyDirectory(directory.resolve("out"));
        StudyRun own = study.run(study.axes().get(0).points().get(2).runs().get(0));
        Map<String, Double> rouge = Map.of("1e-5", .1, "1e-4", .3, "1e-3", .2);
        for (Map.Entry<String, String> candidate :
                own.choice().orElseThrow().candidates().entrySet()) {
            assertThatThrownBy(() -> place.settings(own)).hasMessageContaining("is not done (expected: all of");
            Files.createDirectories(place.run(candidate.getValue()));
            responding(candidate.getValue(), candidate.getKey(), Objects.requireNonNull(rouge.get(candidate.getKey())))
                    .write(place.result(candidate.getValue()));
        }
        assertThat(place.settings(own)).containsEntry(Setting.LEARNING_RATE, List.of("1e-4"));
        Map<String, StudyResult> results = place.read(study);
        results.put(own.id(), responding(own.id(), "1e-4", .25));
        assertThat(StudyTable.of(study, results))
                .contains("Chosen learning_rate, by Rouge-L: data not yet (1e-4: —, 1e-3: —);")
                .contains("own 1e-4 (1e-5: 0.1000, 1e-4: 0.3000, 1e-3: 0.2000).");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "seed: 9|seed: 1|axis arm, choice: seed: 1 (expected: none of [0, 1])",
                "metric: rouge_l|metric: response_tokens|axis arm, choice: metric: response_tokens (expected: one that is better",
                "{label: data}|{label: data, settings: {learning_rate: 1e-4}}|learning_rate (expected: absent, as it is chosen)",
                "settings: {held_out_part: validation}|settings: {held_out_part: test}|axis arm, choice: settings: held_out_part: test, beside test of",
                "settings: {held_out_part: validation}|settings: {}|axis arm, choice: settings: held_out_part: test, beside test of",
                "{prompts: 20|{prompts: 0|generations: texts: prompts: 0 (expected: how many, 1 or more)",
                "{prompts: 20|{teacher: other, prompts: 20|generations: texts: teacher (expected: prompts, or one of [",
                "{prompts: 20|{top_k: 4, prompts: 20|generations: texts: top_k (expected: prompts, or one of [",
                "alpha: 1, on|alpha: 0, on|axis arm, point own: ",
            })
    void read_choiceThatCannotBe_isRefused(String from, String to, String message) {
        assertThatThrownBy(() -> read(CHOOSING.replace(from, to)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    private static StudyResult responding(String id, String learningRate, double rougeL) {
        return new StudyResult(
                id,
                Map.of("learning_rate", learningRate),
                10,
                5,
                100,
                1.5,
                0,
                new Evaluation(50, 3, Math.exp(3), 0.3, 0.05, null, null),
                new ResponseEvaluation(4, rougeL, 8, 0, 1, 0.1, List.of()));
    }

    private static StudyResult result(String id, double nll) {
        return new StudyResult(
                id, Map.of(), 10, 5, 100, 1.5, 0, new Evaluation(50, nll, Math.exp(nll), 0.3, 0.05, 0.4, 0.7), null);
    }
}
