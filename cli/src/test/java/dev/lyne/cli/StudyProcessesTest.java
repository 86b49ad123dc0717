package dev.lyne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.load.process.ChildProcess;
import dev.lyne.load.study.Study;
import dev.lyne.load.study.StudyDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A study of two axes with two points each, in real processes: killed in the midst, and begun again. */
final class StudyProcessesTest {
    private static final int STUDENTS = 3;

    @TempDir
    private static Path shared;

    @Test
    void study_killedAndBegunAgain_keepsWhatWasDoneAndEndsWithTableAndPage() throws Exception {
        var tiny = new TinyTraining(shared);
        Path file = Files.writeString(shared.resolve("study.yaml"), text(tiny));
        Study study = Study.read(file);
        var directory = new StudyDirectory(shared.resolve("study"));
        List<String> arguments = List.of(
                "study", "--config", file.toString(), "--out", directory.root().toString(), "--parallel", "1");
        assertThat(study.runs()).hasSize(STUDENTS);

        Map<Path, Object> before;
        try (ChildProcess first = ChildProcess.start("study", tiny.log("first"), 1, "256m", arguments)) {
            Awaitility.await()
                    .atMost(Duration.ofMinutes(4))
                    .pollInterval(Duration.ofMillis(50))
                    .until(() -> !first.isAlive() || !directory.read(study).isEmpty());
            assertThat(first.isAlive()).as("the study runs until it is killed").isTrue();
            TinyTraining.kill(first);
            before = times(study, directory);
        }
        assertThat(before).isNotEmpty().hasSizeLessThan(STUDENTS);

        try (ChildProcess again = ChildProcess.start("study", tiny.log("again"), 1, "256m", arguments)) {
            again.awaitSuccess();
        }
        assertThat(directory.read(study)).hasSize(STUDENTS);
        assertThat(times(study, directory)).containsAllEntriesOf(before);
        assertThat(Files.readAllLines(directory.results())).hasSize(STUDENTS);
        directory.read(study).values().forEach(result -> {
            assertThat(result.evaluation().nll()).isBetween(1.0, 10.0);
            assertThat(result.evaluation().teacherKl()).isPositive();
            assertThat(result.steps()).isEqualTo(4);
        });
        assertThat(Files.readString(directory.root().resolve("table.md")))
                .contains("3 of 3 students")
                .contains("| data only |")
                .contains("one seed: cannot be told");
        assertThat(Files.readString(directory.root().resolve("report.html")))
                .contains(Files.readString(directory.root().resolve("report.json")));
        assertThat(Files.exists(directory.run(study.runs().get(0).id()).resolve("checkpoints")))
                .isFalse();
    }

    private static Map<Path, Object> times(Study study, StudyDirectory directory) throws IOException {
        Map<Path, Object> times = new TreeMap<>();
        for (String id : directory.read(study).keySet()) {
            times.put(directory.result(id), Files.getLastModifiedTime(directory.result(id)));
        }
        return times;
    }

    private static String text(TinyTraining tiny) {
        return """
                name: miniature
                title: Two by two
                teacher: %1$s
                seeds: [3]
                held_out_windows: 6
                settings:
                  student: %1$s/config.json
                  tokenizer: %1$s
                  corpus: %2$s
                  held_out: %2$s
                  context: 32
                  windows: 24
                  batch: 4
                  steps: 4
                  samples: 0
                  threads: 1
                  deterministic: false
                  targets: rows
                  top_k: 8
                  teacher_temperature: 2
                  missing_mass: renormalised
                  alpha: 0.9
                captures:
                  rows: {selection: top_k, top_k: 16, windows: 24, temperatures: [2, 5]}
                  held-out: {held_out: true, selection: top_k, top_k: 16}
                axes:
                  - name: k
                    title: K
                    baseline: "8"
                    points:
                      - {label: "4", settings: {top_k: 4}}
                      - {label: "8"}
                  - name: alpha
                    title: Weight of distillation
                    metrics: [nll, calibration_error, teacher_kl]
                    baseline: data only
                    points:
                      - {label: "0.9"}
                      - {label: data only, settings: {targets: none, alpha: 0}}
                """.formatted(tiny.teacher(), tiny.text());
    }
}
